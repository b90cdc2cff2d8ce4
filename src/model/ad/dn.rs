//! Distinguished names (RFC 4514): parsed, compared by meaning, written in one standard spelling.
//!
//! One object has many spellings: `OU=Skole\2C Nord`, `ou="Skole, Nord"` and `2.5.4.11=#130B…` name the same unit. DNs are never compared
//! as text.

use std::fmt::{self, Write as _};

use unicode_normalization::UnicodeNormalization;

/// A distinguished name, the most specific part first. Two are equal if they name the same object: attribute types and values are compared
/// without regard to case, to escapes and to the number of blanks between words, as AD compares them (MS-ADTS 3.1.1.2.2.2.9, Unicode
/// strings).
#[derive(Debug, Clone)]
pub struct Dn(Vec<Rdn>);

/// One part: usually one pair, several if joined by `+`.
type Rdn = Vec<AttributeValue>;

#[derive(Debug, Clone)]
struct AttributeValue {
    /// In upper case; for a known object identifier its short name.
    kind: String,
    value: String,
}

/// Why a text is not a DN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DnError {
    /// A part has no `=`, or nothing before it.
    #[error("a part of it is not of the form NAME=value")]
    NoPair,
    /// A `\` is followed by neither a special character nor two hexadecimal digits, or a `"` is not closed.
    #[error("it has a `\\` or a `\"` that escapes nothing")]
    Escape,
    /// The escaped bytes are not UTF-8, or a `#` value is not the BER of a string.
    #[error("it has escaped bytes that are no text")]
    NotText,
}

impl Dn {
    /// Parses a DN in any spelling of RFC 4514 and its predecessor RFC 2253: hexadecimal pairs, quoted values, `;` as separator, `#` with
    /// BER.
    ///
    /// # Errors
    /// [`DnError`] for any other text, the empty one included.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        let mut rest = text.trim();
        let mut parts = Vec::new();
        let mut part = Rdn::new();
        loop {
            let (kind, after) = rest.split_once('=').ok_or(DnError::NoPair)?;
            let (value, after) = value(after.trim_start_matches(' '))?;
            part.push(AttributeValue { kind: kind_of(kind.trim())?, value });
            let mut next = after.chars();
            match next.next() {
                Some('+') => {}
                Some(',' | ';') => parts.push(std::mem::take(&mut part)),
                None => {
                    parts.push(part);
                    return Ok(Self(parts));
                }
                Some(_) => return Err(DnError::Escape),
            }
            rest = next.as_str();
        }
    }

    /// True if it is `base` or an object below it.
    #[must_use]
    pub fn is_at_or_below(&self, base: &Self) -> bool {
        self.0.len() >= base.0.len() && self.0.iter().rev().zip(base.0.iter().rev()).all(|(a, b)| same(a, b))
    }

    /// The object that directly contains this one; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.get(1..).filter(|parts| !parts.is_empty()).map(|parts| Self(parts.to_vec()))
    }

    /// A text that two DNs share exactly if they are equal.
    #[must_use]
    pub fn key(&self) -> String {
        let part = |part: &Rdn| {
            let mut pairs: Vec<String> = part.iter().map(|pair| format!("{:?}={:?}", pair.kind, folded(&pair.value))).collect();
            pairs.sort();
            pairs.dedup();
            pairs.join("+")
        };
        self.0.iter().map(part).collect::<Vec<_>>().join(",")
    }

    /// The unescaped value of the first part, such as the common name.
    #[must_use]
    pub fn first_value(&self) -> &str {
        self.0.first().and_then(|part| part.first()).map_or("", |pair| &pair.value)
    }

    /// The values of the domain components, joined: `DC=kommune,DC=test` gives `kommune.test`.
    #[must_use]
    pub fn dns_name(&self) -> String {
        let names = self.0.iter().flatten().filter(|pair| pair.kind == "DC").map(|pair| pair.value.to_lowercase());
        names.collect::<Vec<_>>().join(".")
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.is_at_or_below(other)
    }
}

impl Eq for Dn {}

impl fmt::Display for Dn {
    /// The spelling of RFC 4514 2.4.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.0.iter().enumerate() {
            for (place, pair) in part.iter().enumerate() {
                f.write_str(if place > 0 {
                    "+"
                } else if number > 0 {
                    ","
                } else {
                    ""
                })?;
                write!(f, "{}=", pair.kind)?;
                write_value(f, &pair.value)?;
            }
        }
        Ok(())
    }
}

fn write_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let last = value.chars().count().saturating_sub(1);
    for (place, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => write!(f, "\\{c}")?,
            ' ' if place == 0 || place == last => f.write_str("\\ ")?,
            '#' if place == 0 => f.write_str("\\#")?,
            c if c.is_control() => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "\\{byte:02X}")?;
                }
            }
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

fn same(a: &[AttributeValue], b: &[AttributeValue]) -> bool {
    let within = |pair: &AttributeValue, others: &[AttributeValue]| {
        others.iter().any(|o| o.kind == pair.kind && folded(&o.value) == folded(&pair.value))
    };
    a.len() == b.len() && a.iter().all(|pair| within(pair, b)) && b.iter().all(|pair| within(pair, a))
}

fn folded(value: &str) -> String {
    let words = value.nfc().flat_map(char::to_lowercase).collect::<String>();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The attribute type as AD writes it (RFC 4514 3, RFC 4519).
fn kind_of(text: &str) -> Result<String, DnError> {
    let upper = text.to_ascii_uppercase();
    Ok(match upper.strip_prefix("OID.").unwrap_or(&upper) {
        "" => return Err(DnError::NoPair),
        "2.5.4.3" | "COMMONNAME" => "CN".into(),
        "2.5.4.6" => "C".into(),
        "2.5.4.7" => "L".into(),
        "2.5.4.8" => "ST".into(),
        "2.5.4.10" => "O".into(),
        "2.5.4.11" | "ORGANIZATIONALUNITNAME" => "OU".into(),
        "0.9.2342.19200300.100.1.25" | "DOMAINCOMPONENT" => "DC".into(),
        name if name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) => name.into(),
        _ => return Err(DnError::NoPair),
    })
}

/// Splits a text into its first value and the rest, which begins with the separator.
fn value(text: &str) -> Result<(String, &str), DnError> {
    match text.chars().next() {
        Some('#') => {
            let end = text.find([',', ';', '+']).unwrap_or(text.len());
            Ok((ber_text(text[1..end].trim())?, &text[end..]))
        }
        Some('"') => {
            let (bytes, after) = unescaped(&text[1..], &['"'])?;
            let after = after.strip_prefix('"').ok_or(DnError::Escape)?.trim_start_matches(' ');
            Ok((String::from_utf8(bytes).map_err(|_| DnError::NotText)?, after))
        }
        Some(_) | None => {
            let (bytes, after) = unescaped(text, &[',', ';', '+'])?;
            Ok((String::from_utf8(bytes).map_err(|_| DnError::NotText)?, after))
        }
    }
}

/// The bytes up to one of the characters that end the value. Trailing blanks are dropped unless escaped; within quotes they stay.
fn unescaped<'a>(text: &'a str, ends: &[char]) -> Result<(Vec<u8>, &'a str), DnError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut kept = 0; // length without trailing blanks
    let mut chars = text.chars();
    loop {
        let here = chars.as_str();
        match chars.next() {
            None => break bytes.truncate(if ends == ['"'] { bytes.len() } else { kept }),
            Some(c) if ends.contains(&c) => {
                if ends != ['"'] {
                    bytes.truncate(kept);
                }
                return Ok((bytes, here));
            }
            Some('\\') => {
                let pair = chars.as_str().get(..2).filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
                match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                    Some(byte) => {
                        bytes.push(byte);
                        chars.nth(1);
                    }
                    None => match chars.next() {
                        Some(c @ (' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\')) => {
                            bytes.push(u8::try_from(c).unwrap_or(b' '));
                        }
                        Some(_) | None => return Err(DnError::Escape),
                    },
                }
                kept = bytes.len();
            }
            Some(c) => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                if c != ' ' {
                    kept = bytes.len();
                }
            }
        }
    }
    Ok((bytes, ""))
}

/// Reads the BER of a string (X.690 8.23) in hexadecimal: UTF8String, PrintableString, TeletexString, IA5String, octet string or BMPString.
fn ber_text(hex: &str) -> Result<String, DnError> {
    let bytes = data_encoding::HEXUPPER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| DnError::NotText)?;
    let [tag, length, rest @ ..] = bytes.as_slice() else { return Err(DnError::NotText) };
    let (length, content) = match (length, rest) {
        (0x81, [length, content @ ..]) => (usize::from(*length), content),
        (0x00..=0x7f, content) => (usize::from(*length), content),
        _ => return Err(DnError::NotText),
    };
    if content.len() != length {
        return Err(DnError::NotText);
    }
    match tag {
        4 | 12 | 19 | 20 | 22 => String::from_utf8(content.to_vec()).map_err(|_| DnError::NotText),
        30 => {
            let units: Vec<u16> = content.chunks(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte))).collect();
            String::from_utf16(&units).map_err(|_| DnError::NotText)
        }
        _ => Err(DnError::NotText),
    }
}

/// True if `dn` is the object `base` or below it. False if either is not a DN.
#[must_use]
pub fn is_under(dn: &str, base: &str) -> bool {
    matches!((Dn::parse(dn), Dn::parse(base)), (Ok(dn), Ok(base)) if dn.is_at_or_below(&base))
}

/// The DN of the object that directly contains this one; `None` if the text is not a DN.
#[must_use]
pub fn parent(dn: &str) -> Option<Dn> {
    Dn::parse(dn).ok()?.parent()
}

/// The unescaped value of a DN's first part, such as the common name; empty if the text is not a DN.
#[must_use]
pub fn common_name(dn: &str) -> String {
    Dn::parse(dn).map(|dn| dn.first_value().to_owned()).unwrap_or_default()
}

/// The DNS name of a domain from its DN: `DC=kommune,DC=test` gives `kommune.test`; empty if the text is not a DN.
#[must_use]
pub fn dns_name(dn: &str) -> String {
    Dn::parse(dn).map(|dn| dn.dns_name()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::model::ad::dn::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn only_whole_parts_count() {
        let base = "OU=Ansatte, dc=Kommune,DC=test";
        assert!(is_under("CN=Anna,OU=Ansatte,DC=kommune,DC=test", base));
        assert!(is_under("OU=ansatte,DC=kommune,DC=test", base));
        assert!(!is_under("CN=Anna,OU=IkkeAnsatte,DC=kommune,DC=test", base));
        assert!(!is_under("DC=kommune,DC=test", base));
        assert!(!is_under("CN=Anna,OU=Ansatte,DC=kommune,DC=test", ""));
        assert!(!is_under("", ""));
    }

    #[test]
    fn every_spelling_of_one_unit_is_that_unit() {
        let unit = dn(r"OU=Skole\, Nord,OU=Børn,DC=kommune,DC=test");
        for spelling in [
            r"OU=Skole\2C Nord,OU=Børn,DC=kommune,DC=test",
            r"OU=Skole\2c\20Nord,OU=B\C3\B8rn,DC=kommune,DC=test",
            r"ou=skole\2C nord , ou=BØRN, dc=Kommune ,DC=TEST",
            r#"OU="Skole, Nord",OU=Børn,DC=kommune,DC=test"#,
            r#"OU="Skole\, Nord" ,OU=Børn,DC=kommune,DC=test"#,
            r"OU=Skole\, Nord;OU=Børn;DC=kommune;DC=test",
            r"2.5.4.11=#0C0B536B6F6C652C204E6F7264,OID.2.5.4.11=Børn,DC=kommune,DC=test",
            r"OU=#1e160053006b006f006c0065002c0020004e006f00720064,OU=Børn,DC=kommune,DC=test",
            r"OU=Skole\, Nord\20,OU=Børn,DC=kommune,DC=test",
        ] {
            assert_eq!(dn(spelling), unit, "{spelling}");
        }
        for other in [
            r"OU=Skole Nord,OU=Børn,DC=kommune,DC=test",
            r"OU=Skole,OU=Nord,OU=Børn,DC=kommune,DC=test",
            r"CN=Skole\, Nord,OU=Børn,DC=kommune,DC=test",
            r"OU=Skole\, Nord,OU=Born,DC=kommune,DC=test",
        ] {
            assert_ne!(dn(other), unit, "{other}");
        }
    }

    #[test]
    fn composed_and_decomposed_letters_are_one() {
        assert_eq!(dn("OU=A\u{30A}rhus,DC=test"), dn("OU=Århus,DC=test"));
        assert_ne!(dn("OU=Aarhus,DC=test"), dn("OU=Århus,DC=test"));
    }

    #[test]
    fn the_standard_spelling_reads_back() {
        for text in [
            r#"CN=Ærø\, Søren \"Pølse\" \+ Co,OU=Ansatte,DC=kommune,DC=test"#,
            r"CN=\#1,OU=\20 x\20,DC=test",
            r"CN=a\3Db\0A,DC=test",
            r"CN=a+UID=b,DC=test",
            "CN=,DC=test",
        ] {
            let parsed = dn(text);
            assert_eq!(dn(&parsed.to_string()), parsed, "{text}");
            assert_eq!(dn(&parsed.to_string()).to_string(), parsed.to_string(), "{text}");
        }
        assert_eq!(dn(r"ou=Skole\2C Nord , dc=test").to_string(), r"OU=Skole\, Nord,DC=test");
    }

    #[test]
    fn a_text_that_is_no_dn_is_refused() {
        for (text, error) in [
            ("", DnError::NoPair),
            ("kommune.test", DnError::NoPair),
            ("=x,DC=test", DnError::NoPair),
            ("OU=x,", DnError::NoPair),
            ("OU=x,,DC=test", DnError::NoPair),
            (r"OU=x\", DnError::Escape),
            (r"OU=x\y,DC=test", DnError::Escape),
            (r#"OU="x,DC=test"#, DnError::Escape),
            (r#"OU="x"y,DC=test"#, DnError::Escape),
            (r"OU=\C3,DC=test", DnError::NotText),
            ("OU=#0C05AB,DC=test", DnError::NotText),
            ("OU=#zz,DC=test", DnError::NotText),
        ] {
            assert_eq!(Dn::parse(text).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn a_domain_has_a_dns_name() {
        assert_eq!(dns_name("DC=Kommune, dc=test"), "kommune.test");
        assert_eq!(dns_name("OU=Skole,DC=kommune,DC=test"), "kommune.test");
    }

    #[test]
    fn an_escaped_comma_does_not_make_a_part() {
        assert!(!is_under(r"CN=x\,OU=Ansatte\,DC=test,OU=Andre,DC=test", "OU=Ansatte,DC=test"));
        assert!(is_under(r"CN=Ærø\, Søren \+ Co,OU=Ansatte,DC=test", "OU=Ansatte,DC=test"));
    }

    #[test]
    fn the_common_name_ends_at_the_first_separator() {
        assert_eq!(common_name(r#"CN=Ærø\, Søren \"Pølse\" \+ Co,OU=Ansatte,DC=test"#), r#"Ærø, Søren "Pølse" + Co"#);
        assert_eq!(common_name("CN=Anna"), "Anna");
        assert_eq!(common_name(""), "");
    }
}
