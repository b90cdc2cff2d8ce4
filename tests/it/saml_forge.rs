//! Makes SAML responses of a provider or of an attacker.
//!
//! The texts are canonical XML, so that a few changed characters before signing make a message with exactly one fault.

use std::sync::LazyLock;

use data_encoding::BASE64;
use jiff::Timestamp;
use openssl::{
    encrypt::Encrypter,
    hash::MessageDigest,
    rsa::Padding,
    symm::{Cipher, encrypt, encrypt_aead},
};
use samael::crypto::CertificateDer;

use os2nykode::{
    config::{Binding, LevelSource, MetadataSource, Profile, Provider, SamlProvider, Source, Text},
    identity::{
        answer::{Login, LoginAnswer},
        keys::{self, KeyPair, ProviderKeys},
        saml::{
            Refused,
            metadata::{Metadata, ProviderAddresses},
            response::{self, ExpectedResponse},
            signature::enveloped,
            signing_key::SigningKey,
        },
    },
    model::identity::{claim::ClaimKind, level::AssuranceLevel, provider::ProviderId},
};

pub const ACS: &str = "https://os2nykode.test/saml/acs";
pub const ENTITY: &str = "https://os2nykode.test/saml/metadata";
pub const IDP: &str = "https://idp.test/saml";
pub const REQUEST: &str = "_request";
pub const NOW: &str = "2026-11-23T08:10:00Z";

/// Keys of the service, of the provider and of an attacker.
pub struct Everybody {
    pub ours: ProviderKeys,
    pub idp: ProviderKeys,
    pub attacker: ProviderKeys,
}

pub static EVERYBODY: LazyLock<Everybody> = LazyLock::new(|| {
    let make = || {
        let dir = tempfile::tempdir().expect("a folder");
        keys::generate(dir.path(), "test", now()).expect("keys");
        ProviderKeys::read(dir.path()).expect("keys")
    };
    Everybody { ours: make(), idp: make(), attacker: make() }
});

pub fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// The unsigned assertion. The signature belongs after the issuer.
pub const ASSERTION: &str = "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a\" IssueInstant=\"2026-11-23T08:09:50Z\" Version=\"2.0\">\
<saml:Issuer>https://idp.test/saml</saml:Issuer>\
<saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\">anna</saml:NameID>\
<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
<saml:SubjectConfirmationData InResponseTo=\"_request\" NotOnOrAfter=\"2026-11-23T08:15:00Z\" Recipient=\"https://os2nykode.test/saml/acs\">\
</saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>\
<saml:Conditions NotBefore=\"2026-11-23T08:09:50Z\" NotOnOrAfter=\"2026-11-23T08:15:00Z\"><saml:AudienceRestriction>\
<saml:Audience>https://os2nykode.test/saml/metadata</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
<saml:AuthnStatement AuthnInstant=\"2026-11-23T08:09:45Z\" SessionIndex=\"_s\"><saml:AuthnContext>\
<saml:AuthnContextClassRef>https://data.gov.dk/concept/core/nsis/loa/High</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
<saml:AttributeStatement><saml:Attribute Name=\"account\"><saml:AttributeValue>anna</saml:AttributeValue></saml:Attribute>\
<saml:Attribute Name=\"https://data.gov.dk/concept/core/nsis/loa\"><saml:AttributeValue>Substantial</saml:AttributeValue></saml:Attribute>\
<saml:Attribute Name=\"https://data.gov.dk/model/core/specVersion\"><saml:AttributeValue>OIO-SAML-3.0</saml:AttributeValue></saml:Attribute>\
<saml:Attribute Name=\"role\"><saml:AttributeValue>Elev</saml:AttributeValue></saml:Attribute>\
</saml:AttributeStatement></saml:Assertion>";

const HEAD: &str = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" Destination=\"https://os2nykode.test/saml/acs\" ID=\"_r\" \
InResponseTo=\"_request\" IssueInstant=\"2026-11-23T08:09:50Z\" Version=\"2.0\">\
<saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://idp.test/saml</saml:Issuer>";
const STATUS: &str =
    "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>";
const TAIL: &str = "</samlp:Response>";

/// Encryption of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Aes128Cbc,
    Aes256Cbc,
    Aes128Gcm,
    Aes256Gcm,
}

/// Encryption of the content's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWay {
    Mgf1p,
    Oaep11,
}

/// A message to make.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Forge {
    pub assertion: String,
    pub head: String,
    pub status: String,
    pub sign_assertion: bool,
    pub sign_response: bool,
    pub encrypted: Option<(Content, KeyWay)>,
    /// EncryptedKey beside EncryptedData instead of inside it.
    pub key_beside: bool,
    /// Signed with the attacker's key.
    pub by_attacker: bool,
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            assertion: ASSERTION.to_owned(),
            head: HEAD.to_owned(),
            status: STATUS.to_owned(),
            sign_assertion: true,
            sign_response: false,
            encrypted: None,
            key_beside: false,
            by_attacker: false,
        }
    }
}

impl Forge {
    pub fn signed(assertion: bool, response: bool) -> Self {
        Self { sign_assertion: assertion, sign_response: response, ..Self::default() }
    }

    pub fn encrypted(content: Content, way: KeyWay) -> Self {
        Self { encrypted: Some((content, way)), ..Self::default() }
    }

    /// Replaces a text in the assertion before it is signed.
    pub fn say(mut self, from: &str, to: &str) -> Self {
        assert!(self.assertion.contains(from), "{from} is in the assertion");
        self.assertion = self.assertion.replace(from, to);
        self
    }

    /// Replaces a text in the surrounding Response.
    pub fn around(mut self, from: &str, to: &str) -> Self {
        let before = (self.head.clone(), self.status.clone());
        self.head = self.head.replace(from, to);
        self.status = self.status.replace(from, to);
        assert_ne!(before, (self.head.clone(), self.status.clone()), "{from} is in the Response");
        self
    }

    fn signer(&self) -> &'static KeyPair {
        if self.by_attacker { &EVERYBODY.attacker.signing } else { &EVERYBODY.idp.signing }
    }

    /// The assertion, signed if `sign_assertion` is set.
    pub fn assertion_text(&self) -> String {
        if self.sign_assertion { sign(&self.assertion, "</saml:Issuer>", "_a", self.signer()) } else { self.assertion.clone() }
    }

    pub fn message(&self) -> String {
        let assertion = self.assertion_text();
        let held = match self.encrypted {
            Some((content, way)) => seal(&assertion, content, way, self.key_beside),
            None => assertion,
        };
        // Canonical XML omits a namespace declaration that an ancestor already has. The inner signature is valid either way.
        let held = held.replace("<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">", "<ds:SignedInfo>");
        let whole = format!("{}{}{held}{TAIL}", self.head, self.status);
        if self.sign_response { sign(&whole, "</saml:Issuer>", "_r", self.signer()) } else { whole }
    }
}

/// Signs a canonical text and inserts the signature after `after`, or after the first tag if the text has no `after`.
pub fn sign(text: &str, after: &str, id: &str, pair: &KeyPair) -> String {
    let place = text.find(after).map_or_else(|| text.find('>').map_or(0, |at| at + 1), |at| at + after.len());
    enveloped(text, place, id, pair.key(), pair.certificate(), false).expect("signed")
}

/// An EncryptedAssertion for the service.
pub fn seal(text: &str, content: Content, way: KeyWay, beside: bool) -> String {
    let (algorithm, length, cipher) = match content {
        Content::Aes128Cbc => ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", 16, Cipher::aes_128_cbc()),
        Content::Aes256Cbc => ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", 32, Cipher::aes_256_cbc()),
        Content::Aes128Gcm => ("http://www.w3.org/2009/xmlenc11#aes128-gcm", 16, Cipher::aes_128_gcm()),
        Content::Aes256Gcm => ("http://www.w3.org/2009/xmlenc11#aes256-gcm", 32, Cipher::aes_256_gcm()),
    };
    let key = vec![7; length];
    let sealed = match content {
        Content::Aes128Cbc | Content::Aes256Cbc => {
            [vec![1; 16], encrypt(cipher, &key, Some(&[1; 16]), text.as_bytes()).expect("sealed")].concat()
        }
        Content::Aes128Gcm | Content::Aes256Gcm => {
            let mut tag = [0; 16];
            let sealed = encrypt_aead(cipher, &key, Some(&[1; 12]), &[], text.as_bytes(), &mut tag).expect("sealed");
            [vec![1; 12], sealed, tag.to_vec()].concat()
        }
    };
    let (method, digest) = match way {
        KeyWay::Mgf1p => ("<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"></xenc:EncryptionMethod>".to_owned(), MessageDigest::sha1()),
        KeyWay::Oaep11 => (
            "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#rsa-oaep\">\
             <ds:DigestMethod xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
             <xenc11:MGF xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" Algorithm=\"http://www.w3.org/2009/xmlenc11#mgf1sha256\"></xenc11:MGF></xenc:EncryptionMethod>"
                .to_owned(),
            MessageDigest::sha256(),
        ),
    };
    let public = EVERYBODY.ours.encryption.key();
    let mut encrypter = Encrypter::new(public).expect("set up");
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP).expect("set up");
    encrypter.set_rsa_oaep_md(digest).expect("set up");
    encrypter.set_rsa_mgf1_md(digest).expect("set up");
    let mut sealed_key = vec![0; encrypter.encrypt_len(&key).expect("a length")];
    let size = encrypter.encrypt(&key, &mut sealed_key).expect("sealed");
    let key = format!(
        "<xenc:EncryptedKey xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\">{method}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue>\
         </xenc:CipherData></xenc:EncryptedKey>",
        BASE64.encode(&sealed_key[..size])
    );
    let inside = key
        .replacen(" xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"", "", 1)
        .replace(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "");
    let info = |inner: &str| format!("<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{inner}</ds:KeyInfo>");
    let (inside, beside) = if beside { (String::new(), key) } else { (info(&inside), String::new()) };
    format!(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><xenc:EncryptedData \
         xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\">\
         <xenc:EncryptionMethod Algorithm=\"{algorithm}\"></xenc:EncryptionMethod>{inside}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>\
         </xenc:EncryptedData>{beside}</saml:EncryptedAssertion>",
        BASE64.encode(&sealed)
    )
}

pub fn certificate(pair: &KeyPair) -> CertificateDer {
    CertificateDer::from(pair.certificate().to_vec())
}

pub fn signing_key(pair: &KeyPair) -> SigningKey {
    SigningKey::of(pair.certificate()).expect("a key")
}

pub fn metadata() -> Metadata {
    let idp = &EVERYBODY.idp.signing;
    Metadata {
        entity_id: IDP.to_owned(),
        keys: vec![signing_key(idp)],
        sign_on: ProviderAddresses::default(),
        log_out: ProviderAddresses::default(),
        valid_until: None,
    }
}

pub fn provider() -> SamlProvider {
    let levels = [("Low", AssuranceLevel::Low), ("Substantial", AssuranceLevel::Substantial), ("High", AssuranceLevel::High)];
    SamlProvider {
        common: Provider {
            id: ProviderId::parse("idp").expect("an id"),
            button: Text { da: "x".to_owned(), en: None },
            mitid: false,
            hint: None,
            match_by: ClaimKind::AccountName,
            match_attribute: Some("sAMAccountName".to_owned()),
            highest: AssuranceLevel::High,
        },
        metadata: MetadataSource::Url(String::new()),
        metadata_certificate_file: None,
        entity_id: None,
        profile: Profile::Saml2,
        binding: Binding::Redirect,
        pss: false,
        request_level: AssuranceLevel::None,
        request_id_type: None,
        force_authn: true,
        skew_seconds: 180,
        spec_versions: vec!["OIO-SAML-3.0".to_owned()],
        claim: Source::Attribute("account".to_owned()),
        name: None,
        level: LevelSource::Said(vec![(
            "https://data.gov.dk/concept/core/nsis/loa".to_owned(),
            levels.into_iter().map(|(word, level)| (word.to_owned(), level)).collect(),
        )]),
        require: std::collections::BTreeMap::new(),
    }
}

/// Reads a message with the usual expectations.
pub fn read(message: &str) -> Result<LoginAnswer, Refused> {
    read_by(&provider(), &metadata(), message.as_bytes(), now(), true)
}

pub fn read_by(provider: &SamlProvider, metadata: &Metadata, message: &[u8], now: Timestamp, forced: bool) -> Result<LoginAnswer, Refused> {
    let asked = "2026-11-23T08:09:00Z".parse().expect("a time");
    let expected = ExpectedResponse { provider, metadata, entity_id: ENTITY, acs: ACS, request: REQUEST, asked, forced, now };
    response::read(message, &EVERYBODY.ours, &expected)
}

/// The login that a message proves.
pub fn proven(message: &str) -> Login {
    match read(message) {
        Ok(LoginAnswer::Login(login)) => *login,
        other => panic!("{other:?} for {message}"),
    }
}
