//! A search for the most expensive SAML message: it mutates messages that are refused, and keeps those that need more CPU time.
//!
//! Run by hand: `cargo run --release --manifest-path fuzz/Cargo.toml --bin dearest -- SECONDS [SEED]`
//!
//! It has an attacker's means: no key of the provider, our public keys, and a message that the provider once signed.

#[path = "../../tests/it/saml_forge.rs"]
#[allow(dead_code)]
mod saml_forge;

use std::{
    fmt::Write as _,
    io::Write as _,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use flate2::{Compression, write::DeflateEncoder};
use jiff::SignedDuration;
use os2nykode::identity::saml::{
    Refused,
    logout::{self, ExpectedLogout, Incoming},
    metadata::Metadata,
};
use rustix::time::{ClockId, clock_gettime};
use saml_forge::{ASSERTION, Content, EVERYBODY, Forge, IDP, KeyWay, metadata, now, provider, read_by, seal, sign, signing_key};

/// Binding and kind of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Response,
    EncryptedResponse,
    LogoutForm,
    LogoutQuery,
}

const WAYS: [Way; 4] = [Way::Response, Way::EncryptedResponse, Way::LogoutForm, Way::LogoutQuery];

/// Signer of the message.
#[derive(Debug, Clone, Copy)]
enum By {
    Nobody,
    Stranger,
    /// The provider, before the message was changed.
    ProviderBefore,
}

#[derive(Debug, Clone, Copy)]
enum Text {
    None,
    Plain,
    Wide,
    Reference,
    Escaped,
    LineEnds,
}

/// Sibling or nested elements of the same shape.
#[derive(Debug, Clone, Copy)]
struct Block {
    elements: u16,
    nested: bool,
    prefixed: bool,
    attributes: u8,
    prefixed_attributes: bool,
    namespaces: u8,
    /// Each element declares namespaces and attributes of its own.
    distinct: bool,
    long_names: bool,
    text: Text,
    text_length: u16,
}

/// A message in the form that the search mutates.
#[derive(Debug, Clone)]
struct Genome {
    by: By,
    blocks: Vec<Block>,
    /// Number of namespaces that the outermost filler element declares.
    outer: u8,
    /// Number of prefixes in the canonicalisation's PrefixList.
    listed: u8,
    /// Additional kilobytes of KeyInfo, and of SignatureValue.
    key_info: u8,
    signature: u8,
    /// A repeated piece of the finished message: offset and length in thousandths, number of copies.
    repeated: Option<(u16, u16, u8)>,
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// Random size; small ones are more frequent.
    fn size(&mut self, most: u64) -> u64 {
        let most = self.below(most) + 1;
        self.below(most)
    }

    fn block(&mut self) -> Block {
        let texts = [Text::None, Text::Plain, Text::Wide, Text::Reference, Text::Escaped, Text::LineEnds];
        Block {
            elements: self.size(12_000) as u16,
            nested: self.one_in(6),
            prefixed: self.one_in(2),
            attributes: self.size(40) as u8,
            prefixed_attributes: self.one_in(2),
            namespaces: self.size(40) as u8,
            distinct: self.one_in(2),
            long_names: self.one_in(8),
            text: texts[self.below(6) as usize],
            text_length: self.size(60_000) as u16,
        }
    }

    fn genome(&mut self) -> Genome {
        let bys = [By::Nobody, By::Stranger, By::ProviderBefore];
        Genome {
            by: bys[self.below(3) as usize],
            blocks: (0..=self.below(3)).map(|_| self.block()).collect(),
            outer: self.size(40) as u8,
            listed: self.size(30) as u8,
            key_info: self.size(200) as u8,
            signature: self.size(64) as u8,
            repeated: None,
        }
    }

    fn changed(&mut self, from: &Genome, other: &Genome) -> Genome {
        let mut new = from.clone();
        for _ in 0..=self.below(3) {
            let fresh = self.genome();
            let at = self.below(new.blocks.len() as u64) as usize;
            let several = new.blocks.len() > 1;
            let near = |value: u16, random: &mut Self| (f64::from(value) * (0.5 + random.below(1000) as f64 / 800.0)) as u16;
            let what = self.below(16);
            if what == 6 && several {
                new.blocks.remove(at);
                continue;
            }
            let block = &mut new.blocks[at];
            match what {
                0 => new.by = fresh.by,
                1 => new.outer = fresh.outer,
                2 => new.listed = fresh.listed,
                3 => new.key_info = fresh.key_info,
                4 => new.signature = fresh.signature,
                5 => new.blocks.push(fresh.blocks[0]),
                7 => *block = fresh.blocks[0],
                8 => *block = other.blocks[self.below(other.blocks.len() as u64) as usize],
                9 => block.elements = near(block.elements, self),
                10 => block.text_length = near(block.text_length, self),
                11 => block.attributes = fresh.blocks[0].attributes,
                12 => block.namespaces = fresh.blocks[0].namespaces,
                13 => block.text = fresh.blocks[0].text,
                14 => {
                    let flags =
                        [&mut block.nested, &mut block.prefixed, &mut block.prefixed_attributes, &mut block.distinct, &mut block.long_names];
                    let flag = self.below(5) as usize;
                    for (number, value) in flags.into_iter().enumerate() {
                        if number == flag {
                            *value = !*value;
                        }
                    }
                }
                _ => {
                    let piece = (self.below(1000) as u16, self.size(200) as u16, self.size(100) as u8);
                    new.repeated = (!self.one_in(3)).then_some(piece);
                }
            }
        }
        new.blocks.truncate(6);
        new
    }
}

fn text(kind: Text, length: usize) -> String {
    let unit = match kind {
        Text::None => return String::new(),
        Text::Plain => "y",
        Text::Wide => "å",
        Text::Reference => "&#xE5;",
        Text::Escaped => "&gt;",
        Text::LineEnds => "\r\n",
    };
    unit.repeat(length / unit.len())
}

/// The elements, cut off at the longest accepted length.
fn filler(genome: &Genome, most: usize) -> String {
    let mut out = String::from("<x:f xmlns:x=\"urn:x\"");
    for number in 0..genome.outer {
        let _ = write!(out, " xmlns:o{number}=\"urn:o{number}\"");
    }
    out.push('>');
    for (row, block) in genome.blocks.iter().enumerate() {
        let mut open = Vec::new();
        let pad = if block.long_names { "n".repeat(60) } else { String::new() };
        let inner = text(block.text, usize::from(block.text_length) / usize::from(block.elements.max(1)));
        for element in 0..block.elements {
            let which = if block.distinct { element } else { 0 };
            let prefix = if block.prefixed && block.namespaces > 0 { format!("p{row}x{which}x0:") } else { String::new() };
            let name = format!("{prefix}e{pad}");
            let _ = write!(out, "<{name}");
            for number in 0..block.namespaces {
                let _ = write!(out, " xmlns:p{row}x{which}x{number}=\"urn:{row}x{which}x{number}\"");
            }
            for number in 0..block.attributes {
                let own = block.prefixed_attributes && block.namespaces > 0;
                let prefix = if own { format!("p{row}x{which}x{}:", number % block.namespaces) } else { String::new() };
                let _ = write!(out, " {prefix}a{number}{pad}=\"\"");
            }
            let _ = write!(out, ">{inner}");
            if block.nested && open.len() < 60 {
                open.push(name);
            } else {
                let _ = write!(out, "</{name}>");
            }
            if out.len() > most {
                break;
            }
        }
        while let Some(name) = open.pop() {
            let _ = write!(out, "</{name}>");
        }
    }
    out + "</x:f>"
}

/// Changes the unsigned parts of a signature, as an attacker can.
fn meddled(mut text: String, genome: &Genome) -> String {
    if genome.listed > 0 && !matches!(genome.by, By::ProviderBefore) {
        let list: Vec<_> = (0..genome.listed).map(|number| format!("o{number}")).collect();
        let list = format!(
            "xml-exc-c14n#\"><ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{}\"></ec:InclusiveNamespaces>",
            list.join(" ")
        );
        text = text.replace("xml-exc-c14n#\">", &list);
    }
    if genome.key_info > 0 {
        let more = format!("<ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>", "A".repeat(usize::from(genome.key_info) * 1000));
        text = text.replacen("</ds:X509Data>", &more, 1);
    }
    if genome.signature > 0 {
        text = text.replacen("<ds:SignatureValue>", &format!("<ds:SignatureValue>{}", "A".repeat(usize::from(genome.signature) * 1000)), 1);
    }
    if let Some((place, length, times)) = genome.repeated {
        let at = |thousandths: usize| {
            let mut at = text.len() * thousandths.min(1000) / 1000;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (from, to) = (at(usize::from(place)), at(usize::from(place) + usize::from(length)));
        let again = text[from..to].repeat(usize::from(times).min(400_000 / (to - from).max(1)));
        text.insert_str(to, &again);
    }
    text
}

const SLO: &str = "https://os2nykode.test/saml/slo";

fn logout_text(fill: &str) -> String {
    format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" Destination=\"{SLO}\" ID=\"_l\" IssueInstant=\"{}\" Version=\"2.0\">\
         <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{IDP}</saml:Issuer>\
         <saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">anna</saml:NameID>{fill}</samlp:LogoutRequest>",
        now()
    )
}

fn built(way: Way, genome: &Genome) -> String {
    let most = if matches!(way, Way::Response | Way::EncryptedResponse) { 370_000 } else { 31_000 };
    let fill = filler(genome, most);
    let pair = if matches!(genome.by, By::Stranger) { &EVERYBODY.attacker.signing } else { &EVERYBODY.idp.signing };
    let signed = |text: &str, id: &str| match genome.by {
        By::Nobody => text.to_owned(),
        By::Stranger | By::ProviderBefore => sign(text, "</saml:Issuer>", id, pair),
    };
    if matches!(way, Way::LogoutForm | Way::LogoutQuery) {
        let text = match genome.by {
            By::ProviderBefore => signed(&logout_text(""), "_l").replace("</samlp:LogoutRequest>", &format!("{fill}</samlp:LogoutRequest>")),
            By::Nobody | By::Stranger => signed(&logout_text(&fill), "_l"),
        };
        return meddled(text, genome);
    }
    let put = |text: &str| {
        let value = format!("<saml:Attribute Name=\"x\"><saml:AttributeValue>{fill}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>");
        text.replace("</saml:AttributeStatement>", &value)
    };
    let assertion = match genome.by {
        By::ProviderBefore => put(&signed(ASSERTION, "_a")),
        By::Nobody | By::Stranger => signed(&put(ASSERTION), "_a"),
    };
    let assertion = meddled(assertion, genome);
    let held = if way == Way::EncryptedResponse { seal(&assertion, Content::Aes256Gcm, KeyWay::Oaep11, false) } else { assertion };
    Forge { assertion: held, sign_assertion: false, ..Forge::default() }.message()
}

/// CPU time of this thread in nanoseconds.
fn spent() -> i64 {
    let at = clock_gettime(ClockId::ThreadCPUTime);
    at.tv_sec * 1_000_000_000 + at.tv_nsec
}

/// CPU time of one message in milliseconds, and the reason of its refusal. `None` if the message is accepted.
fn cost(way: Way, message: &str, metadata: &Metadata) -> Option<(f64, Refused)> {
    let query = (way == Way::LogoutQuery).then(|| {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(message.as_bytes()).expect("in memory");
        let escaped = |bytes: &[u8]| BASE64.encode(bytes).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let packed = escaped(&deflate.finish().expect("in memory"));
        let algorithm = "http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha512";
        format!("SAMLRequest={packed}&SigAlg={algorithm}&Signature={}", escaped(&[7; 384]))
    });
    let form = BASE64.encode(message.as_bytes());
    let begun = spent();
    let refused = match way {
        Way::Response | Way::EncryptedResponse => read_by(&provider(), metadata, message.as_bytes(), now(), true).err(),
        Way::LogoutForm | Way::LogoutQuery => {
            let incoming = match &query {
                Some(query) => Incoming::Query(query),
                None => Incoming::Form { message: &form, request: true, relay: None },
            };
            logout::unpack(incoming)
                .and_then(|unpacked| {
                    logout::issuer(&unpacked)?;
                    let expected = ExpectedLogout { metadata, slo: SLO, skew: SignedDuration::from_secs(180), now: now() };
                    logout::request(&unpacked, &expected)
                })
                .err()
        }
    };
    let took = spent() - begun;
    refused.map(|refused| (took as f64 / 1e6, refused))
}

/// The minimum of several runs. Other load on the machine only makes a run longer.
fn steady(way: Way, message: &str, metadata: &Metadata, runs: usize) -> Option<(f64, Refused)> {
    (0..runs).filter_map(|_| cost(way, message, metadata)).min_by(|a, b| a.0.total_cmp(&b.0))
}

#[derive(Clone)]
struct Found {
    cost: f64,
    reason: Refused,
    bytes: usize,
    genome: Genome,
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let seconds: u64 = arguments.next().expect("how many seconds to search");
    let mut random = Random(arguments.next().unwrap_or(1) | 1);
    let mut four_keys = metadata();
    let others = [&EVERYBODY.ours.signing, &EVERYBODY.ours.encryption, &EVERYBODY.idp.encryption, &EVERYBODY.idp.signing];
    four_keys.keys = others.map(signing_key).to_vec();
    let (begun, mut said, mut tried) = (Instant::now(), Instant::now(), 0_u64);
    let mut best: Vec<Vec<Found>> = WAYS.iter().map(|_| Vec::new()).collect();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let at = random.below(WAYS.len() as u64) as usize;
        let (way, known) = (WAYS[at], &mut best[at]);
        let genome = if known.len() < 20 || random.one_in(20) {
            random.genome()
        } else {
            let (one, other) = (random.below(known.len() as u64) as usize, random.below(known.len() as u64) as usize);
            random.changed(&known[one].genome, &known[other].genome)
        };
        let message = built(way, &genome);
        tried += 1;
        let Some((first, _)) = cost(way, &message, &four_keys) else { panic!("a stranger's message is taken: {genome:?}") };
        let least = known.last().map_or(0.0, |found| found.cost);
        if known.len() < 20 || first > least {
            // Measured again before it counts, because other load may have slowed down the first run.
            if let Some((cost, reason)) = steady(way, &message, &four_keys, 5) {
                known.push(Found { cost, reason, bytes: message.len(), genome });
                known.sort_by(|a, b| b.cost.total_cmp(&a.cost));
                known.truncate(20);
            }
        }
        if said.elapsed() > Duration::from_secs(30) {
            said = Instant::now();
            let worst: Vec<_> = WAYS.iter().zip(&best).filter_map(|(way, found)| Some(format!("{way:?} {:.2}", found.first()?.cost))).collect();
            println!("{:>5} s, {tried} messages, ms: {}", begun.elapsed().as_secs(), worst.join(", "));
        }
    }
    for (way, found) in WAYS.iter().zip(&best) {
        let Some(worst) = found.first() else { continue };
        let again = steady(*way, &built(*way, &worst.genome), &four_keys, 20).map_or(0.0, |(cost, _)| cost);
        println!("\n{way:?}: {again:.2} ms, {} bytes, {}: {:?}", worst.bytes, worst.reason.code(), worst.genome);
    }
    println!("\n{tried} messages in {} s", begun.elapsed().as_secs());
}
