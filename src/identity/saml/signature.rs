//! Signatures: verifying a provider's (with xmlsec, through samael) and making ours.
//!
//! Ours are made without an XML library: what we write is canonical as it stands, so that its bytes are what is digested and signed. Tests hold that
//! against xmlsec.

use data_encoding::BASE64;
use openssl::{
    hash::{MessageDigest, hash},
    pkey::{PKey, Private, Public},
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer, Verifier},
};
use samael::crypto::{AllowedSignatureAlgorithm as Algorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};

use super::{
    Refused,
    xml::{DS, Plain},
};

/// The same as the screen's, a second time below.
const ALLOWED: [Algorithm; 6] = [
    Algorithm::RsaSha256,
    Algorithm::RsaSha384,
    Algorithm::RsaSha512,
    Algorithm::EcdsaSha256,
    Algorithm::EcdsaSha384,
    Algorithm::EcdsaSha512,
];

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 4051 2.3.2).
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
/// RSASSA-PSS with SHA-256 and its mask (RFC 6931 2.3.10).
pub const RSA_PSS_SHA256: &str = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1";
const RSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384";
const RSA_SHA512: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512";

/// Verifies every signature of a message that has passed the screen, and returns the bytes that were signed: of the Response where that is signed, else of
/// the Assertion. Only these may be believed. Takes a millisecond; blocks.
pub fn verified(message: Plain<'_>, certificates: &[CertificateDer]) -> Result<String, Refused> {
    // One at a time: samael gives up at the first key of another kind.
    let one = |certificate: &CertificateDer| {
        let certificate = std::slice::from_ref(certificate);
        Crypto::reduce_xml_to_signed_with_allowed_algorithms(message.text(), certificate, ReduceMode::PreDigest, Some(&ALLOWED)).ok()
    };
    certificates.iter().find_map(one).ok_or(Refused::Signature)
}

/// Signs bytes with our key.
pub fn sign(key: &PKey<Private>, pss: bool, bytes: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let mut signer = Signer::new(MessageDigest::sha256(), key)?;
    if pss {
        signer.set_rsa_padding(Padding::PKCS1_PSS)?;
        signer.set_rsa_mgf1_md(MessageDigest::sha256())?;
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    }
    signer.sign_oneshot_to_vec(bytes)
}

/// The name of the algorithm that [`sign`] uses.
pub fn algorithm(pss: bool) -> &'static str {
    if pss { RSA_PSS_SHA256 } else { RSA_SHA256 }
}

/// Verifies the signature of a query (Bindings 3.4.4.1).
pub fn verify_query(algorithm: &str, keys: &[PKey<Public>], signed: &[u8], signature: &[u8]) -> Result<(), Refused> {
    let (digest, pss) = match algorithm {
        RSA_SHA256 => (MessageDigest::sha256(), false),
        RSA_SHA384 => (MessageDigest::sha384(), false),
        RSA_SHA512 => (MessageDigest::sha512(), false),
        RSA_PSS_SHA256 => (MessageDigest::sha256(), true),
        _ => return Err(Refused::SignatureAlgorithm),
    };
    let right = |key: &PKey<Public>| {
        let mut verifier = Verifier::new(digest, key)?;
        if pss {
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            verifier.set_rsa_mgf1_md(digest)?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        verifier.verify_oneshot(signature, signed)
    };
    let is_rsa = |key: &&PKey<Public>| key.id() == openssl::pkey::Id::RSA;
    if keys.iter().filter(is_rsa).any(|key| right(key).unwrap_or(false)) { Ok(()) } else { Err(Refused::Signature) }
}

/// A message of ours with its signature at `place`, bytes into it. The message has to be canonical (exclusive) as it stands and its root to have this ID.
pub fn enveloped(
    message: &str,
    place: usize,
    id: &str,
    key: &PKey<Private>,
    certificate: &[u8],
    pss: bool,
) -> Result<String, openssl::error::ErrorStack> {
    let digest = BASE64.encode(&hash(MessageDigest::sha256(), message.as_bytes())?);
    let method = algorithm(pss);
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"{DS}\"><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{method}\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue>\
         </ds:Reference></ds:SignedInfo>"
    );
    let value = BASE64.encode(&sign(key, pss, info.as_bytes())?);
    let certificate = BASE64.encode(certificate);
    let (before, after) = message.split_at(place);
    Ok(format!(
        "{before}<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>\
         <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>{after}"
    ))
}
