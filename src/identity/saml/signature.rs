//! Signatures: verification of providers' and creation of ours.
//!
//! A provider's signature is verified twice: first here, so that no C code reads an unsigned message (xmlsec writes what it refuses to
//! standard error, and is slow to refuse), then by xmlsec through samael. A message counts only if both agree on the key and on every
//! signed byte.
//!
//! Ours are created without an XML library: our messages are written in canonical form, so their bytes are digested and signed directly.
//! Tests compare that with xmlsec.

use data_encoding::BASE64;
use openssl::{
    bn::BigNum,
    ecdsa::EcdsaSig,
    hash::{MessageDigest, hash},
    pkey::{Id, PKey, Private, Public},
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer, Verifier},
};
use roxmltree::Node;
use samael::crypto::{AllowedSignatureAlgorithm as Algorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};

use super::{
    Refused, decrypt,
    screen::{self, ScreenedSignature},
    signing_key::SigningKey,
    xml::{
        DS, LARGEST, Plain,
        canonical::{CanonicalRules, canonical},
    },
};

/// The screen's algorithms, for xmlsec.
const ALLOWED: [Algorithm; 6] = [
    Algorithm::RsaSha256,
    Algorithm::RsaSha384,
    Algorithm::RsaSha512,
    Algorithm::EcdsaSha256,
    Algorithm::EcdsaSha384,
    Algorithm::EcdsaSha512,
];
/// Largest SignedInfo, bytes; real ones have 800. Each key of the provider is tried on all of it.
const LARGEST_INFO: usize = 4 * 1024;

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 4051, section 2.3.2).
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
/// RSASSA-PSS with SHA-256 and the same mask digest (RFC 6931, section 2.3.10).
pub const RSA_PSS_SHA256: &str = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1";
const RSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384";
const RSA_SHA512: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512";
const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
const ECDSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
const ECDSA_SHA512: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512";

/// Verifies the signatures of these elements of a screened message, the outermost first, and returns the text that the first one covers.
/// Only this text may be used. Blocks for half a millisecond if the signatures are valid, a tenth otherwise.
pub fn verified<'a>(message: Plain<'a>, elements: &[Node<'a, 'a>], keys: &[SigningKey]) -> Result<String, Refused> {
    let mut signed = Vec::new();
    for element in elements {
        let parts = screen::signed(*element)?.ok_or(Refused::Unsigned)?;
        let key = signer(&parts, keys)?;
        signed.push((parts, key, covered(&parts)?));
    }
    let Some((_, first, covered)) = signed.first() else { return Err(Refused::Unsigned) };
    let whole = signed.iter().all(|(_, key, _)| key.certificate == first.certificate);
    let (text, key, expected) = match signed.last() {
        // The assertion inside has another key. samael tries one key on all signatures, so it gets the assertion alone, which is what
        // counts.
        Some((inner, key, expected)) if !whole => (&alone(inner)?, key, expected),
        Some(_) | None => (&message.text().to_owned(), first, covered),
    };
    if by_xmlsec(text, &key.certificate).as_ref() == Some(expected) {
        Ok(covered.clone())
    } else {
        tracing::error!("xmlsec disagrees with our verification of a signature; message refused");
        Err(Refused::Signature)
    }
}

fn by_xmlsec(text: &str, certificate: &CertificateDer) -> Option<String> {
    let certificate = std::slice::from_ref(certificate);
    Crypto::reduce_xml_to_signed_with_allowed_algorithms(text, certificate, ReduceMode::PreDigest, Some(&ALLOWED)).ok()
}

/// A signed element as a document of its own.
fn alone(signed: &ScreenedSignature<'_>) -> Result<String, Refused> {
    let prefixes = format!("{} {}", signed.prefixes, signed.info_prefixes);
    canonical(signed.element, CanonicalRules { without: None, prefixes: &prefixes, largest: LARGEST * 2 })
}

/// The provider's key that verifies SignedInfo. Without one, verification ends here.
fn signer<'k>(signed: &ScreenedSignature<'_>, keys: &'k [SigningKey]) -> Result<&'k SigningKey, Refused> {
    let info = canonical(signed.info, CanonicalRules { without: None, prefixes: signed.info_prefixes, largest: LARGEST_INFO });
    let info = info.map_err(|_| Refused::SignatureShape)?;
    let value = decrypt::base64(signed.value).ok_or(Refused::SignatureShape)?;
    let (digest, kind) = match signed.method {
        RSA_SHA256 => (MessageDigest::sha256(), Id::RSA),
        RSA_SHA384 => (MessageDigest::sha384(), Id::RSA),
        RSA_SHA512 => (MessageDigest::sha512(), Id::RSA),
        ECDSA_SHA256 => (MessageDigest::sha256(), Id::EC),
        ECDSA_SHA384 => (MessageDigest::sha384(), Id::EC),
        ECDSA_SHA512 => (MessageDigest::sha512(), Id::EC),
        _ => return Err(Refused::SignatureAlgorithm),
    };
    let right = |key: &&SigningKey| key.key.id() == kind && has_signed(&key.key, digest, info.as_bytes(), &value) == Some(true);
    keys.iter().find(right).ok_or(Refused::Signature)
}

/// Whether the key verifies the signature; `None` if OpenSSL fails or the signature's length does not fit the key.
fn has_signed(key: &PKey<Public>, digest: MessageDigest, bytes: &[u8], value: &[u8]) -> Option<bool> {
    if key.id() == Id::RSA {
        let fits = value.len() == key.size();
        return fits.then(|| Verifier::new(digest, key)?.verify_oneshot(value, bytes)).and_then(Result::ok);
    }
    // XML Signature 1.1, section 6.4.3: both numbers in sequence, each as long as the order of the curve.
    let each = usize::try_from(key.ec_key().ok()?.group().order_bits()).ok()?.div_ceil(8);
    let (r, s) = value.split_at_checked(each).filter(|(_, s)| s.len() == each)?;
    let value = EcdsaSig::from_private_components(BigNum::from_slice(r).ok()?, BigNum::from_slice(s).ok()?).ok()?.to_der().ok()?;
    Verifier::new(digest, key).ok()?.verify_oneshot(&value, bytes).ok()
}

/// The text that a signature covers, if it has the digest in SignedInfo.
fn covered(signed: &ScreenedSignature<'_>) -> Result<String, Refused> {
    let digest = match signed.digest_method {
        "http://www.w3.org/2001/04/xmlenc#sha256" => MessageDigest::sha256(),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => MessageDigest::sha384(),
        "http://www.w3.org/2001/04/xmlenc#sha512" => MessageDigest::sha512(),
        _ => return Err(Refused::DigestAlgorithm),
    };
    let told = decrypt::base64(signed.digest).filter(|told| told.len() == digest.size()).ok_or(Refused::Signature)?;
    // Namespaces that are declared once and used often make the canonical text longer; this bounds it.
    let largest = signed.element.document().input_text().len() * 2 + 64 * 1024;
    let rules = CanonicalRules { without: Some(signed.signature), prefixes: signed.prefixes, largest };
    let text = canonical(signed.element, rules)?;
    let right = hash(digest, text.as_bytes()).is_ok_and(|digest| *digest == *told);
    if right { Ok(text) } else { Err(Refused::Signature) }
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

/// Identifier of the algorithm of [`sign`].
pub fn algorithm(pss: bool) -> &'static str {
    if pss { RSA_PSS_SHA256 } else { RSA_SHA256 }
}

/// Verifies the signature of a query (Bindings 3.4.4.1).
pub fn verify_query(algorithm: &str, keys: &[SigningKey], signed: &[u8], signature: &[u8]) -> Result<(), Refused> {
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
    let may = |key: &&PKey<Public>| key.id() == Id::RSA && key.size() == signature.len();
    if keys.iter().map(|key| &key.key).filter(may).any(|key| right(key).unwrap_or(false)) { Ok(()) } else { Err(Refused::Signature) }
}

/// Inserts an enveloped signature at byte `place` of our message. The message must be in exclusive canonical form, and its root must have
/// this ID.
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
