//! Decryption of assertions: AES in CBC or GCM mode, with a key that is encrypted by RSA-OAEP.
//!
//! Invariants:
//! - Lengths are checked before any split.
//! - RSA-1_5 is refused.
//! - After the algorithms are known, every failure is the same refusal, so that it is no padding oracle.

use data_encoding::BASE64;
use openssl::{
    encrypt::Decrypter,
    hash::MessageDigest,
    pkey::{PKey, Private},
    rsa::Padding,
    symm::{Cipher, Crypter, Mode, decrypt_aead},
};
use zeroize::Zeroizing;

use super::{Refused, screen::Encrypted};

/// Content encryption, with the length of its key in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Cbc(usize),
    Gcm(usize),
}

const BLOCK: usize = 16;
const GCM_NONCE: usize = 12;
const GCM_TAG: usize = 16;

/// Decrypts with the first of our keys that fits. The plaintext is unverified: it must be screened, and its signature verified.
pub fn decrypt<'k>(part: &Encrypted<'_>, keys: impl Iterator<Item = &'k PKey<Private>>) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (digest, mask) = oaep(part)?;
    let content = match part.content_algorithm {
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => Content::Cbc(16),
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => Content::Cbc(32),
        "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Content::Gcm(16),
        "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Content::Gcm(32),
        _ => return Err(Refused::ContentEncryption),
    };
    let wrong = Refused::Undecipherable;
    let sealed_key = base64(part.key).ok_or(wrong)?;
    let sealed = base64(part.content).ok_or(wrong)?;
    for key in keys {
        if let Some(plain) = content_key(key, &sealed_key, digest, mask).and_then(|key| open(content, &key, &sealed)) {
            return Ok(plain);
        }
    }
    Err(wrong)
}

/// Digest and mask digest of OAEP (XML Encryption 1.1, section 5.5.2). With the older identifier the mask always uses SHA-1.
fn oaep(part: &Encrypted<'_>) -> Result<(MessageDigest, MessageDigest), Refused> {
    let digest = match part.key_digest {
        None | Some("http://www.w3.org/2000/09/xmldsig#sha1") => MessageDigest::sha1(),
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => MessageDigest::sha256(),
        Some(_) => return Err(Refused::KeyEncryption),
    };
    let mask = match (part.key_algorithm, part.key_mask) {
        ("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", None)
        | ("http://www.w3.org/2009/xmlenc11#rsa-oaep", None | Some("http://www.w3.org/2009/xmlenc11#mgf1sha1")) => MessageDigest::sha1(),
        ("http://www.w3.org/2009/xmlenc11#rsa-oaep", Some("http://www.w3.org/2009/xmlenc11#mgf1sha256")) => MessageDigest::sha256(),
        _ => return Err(Refused::KeyEncryption),
    };
    Ok((digest, mask))
}

fn content_key(key: &PKey<Private>, sealed: &[u8], digest: MessageDigest, mask: MessageDigest) -> Option<Zeroizing<Vec<u8>>> {
    if sealed.len() != key.size() {
        return None;
    }
    let mut decrypter = Decrypter::new(key).ok()?;
    decrypter.set_rsa_padding(Padding::PKCS1_OAEP).ok()?;
    decrypter.set_rsa_oaep_md(digest).ok()?;
    decrypter.set_rsa_mgf1_md(mask).ok()?;
    let mut plain = Zeroizing::new(vec![0; decrypter.decrypt_len(sealed).ok()?]);
    let length = decrypter.decrypt(sealed, &mut plain).ok()?;
    plain.truncate(length);
    Some(plain)
}

fn open(content: Content, key: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match content {
        Content::Cbc(length) if key.len() == length => {
            let (start, sealed) = sealed.split_at_checked(BLOCK)?;
            let cipher = if length == 16 { Cipher::aes_128_cbc() } else { Cipher::aes_256_cbc() };
            cbc(cipher, key, start, sealed)
        }
        Content::Gcm(length) if key.len() == length => {
            let (nonce, sealed) = sealed.split_at_checked(GCM_NONCE)?;
            let (sealed, tag) = sealed.split_at_checked(sealed.len().checked_sub(GCM_TAG)?)?;
            let cipher = if length == 16 { Cipher::aes_128_gcm() } else { Cipher::aes_256_gcm() };
            decrypt_aead(cipher, key, Some(nonce), &[], sealed, tag).ok().map(Zeroizing::new)
        }
        Content::Cbc(_) | Content::Gcm(_) => None,
    }
}

/// The last byte is the length of the padding, 1 to 16; the other padding bytes have any value (XML Encryption 1.1, section 5.2).
fn cbc(cipher: Cipher, key: &[u8], start: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut crypter = Crypter::new(cipher, Mode::Decrypt, key, Some(start)).ok()?;
    crypter.pad(false);
    let mut plain = Zeroizing::new(vec![0; sealed.len() + BLOCK]);
    let first = crypter.update(sealed, &mut plain).ok()?;
    let last = crypter.finalize(&mut plain[first..]).ok()?;
    plain.truncate(first + last);
    let padding = usize::from(*plain.last()?);
    if !(1..=BLOCK).contains(&padding) {
        return None;
    }
    let length = plain.len().checked_sub(padding)?;
    plain.truncate(length);
    Some(plain)
}

/// Base64 as in XML: white space anywhere, otherwise strict.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let dense: Vec<u8> = text.bytes().filter(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')).collect();
    BASE64.decode(&dense).ok()
}

#[cfg(test)]
mod tests {
    use openssl::{encrypt::Encrypter, rsa::Rsa, symm::encrypt, symm::encrypt_aead};

    use super::*;

    const CBC: &str = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";
    const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
    const MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    const OAEP11: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
    const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

    fn key() -> PKey<Private> {
        PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key")
    }

    fn seal_key(key: &PKey<Private>, content_key: &[u8], digest: MessageDigest, mask: MessageDigest) -> String {
        let mut encrypter = Encrypter::new(key).expect("set up");
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP).expect("set up");
        encrypter.set_rsa_oaep_md(digest).expect("set up");
        encrypter.set_rsa_mgf1_md(mask).expect("set up");
        let mut sealed = vec![0; encrypter.encrypt_len(content_key).expect("a length")];
        let length = encrypter.encrypt(content_key, &mut sealed).expect("sealed");
        BASE64.encode(&sealed[..length])
    }

    fn part<'a>(key_algorithm: &'a str, key: &'a str, content_algorithm: &'a str, content: &'a str) -> Encrypted<'a> {
        Encrypted { key_algorithm, key_digest: None, key_mask: None, key, content_algorithm, content }
    }

    #[test]
    fn every_listed_way_is_opened_and_a_change_of_any_byte_of_gcm_is_not() {
        let rsa = key();
        let sealed_key = seal_key(&rsa, &[7; 32], MessageDigest::sha1(), MessageDigest::sha1());
        let cbc = [vec![1; 16], encrypt(Cipher::aes_256_cbc(), &[7; 32], Some(&[1; 16]), b"<Assertion/>").expect("sealed")].concat();
        let cbc = BASE64.encode(&cbc);
        assert_eq!(
            decrypt(&part(MGF1P, &sealed_key, CBC, &cbc), [&rsa].into_iter()).as_deref().map(Vec::as_slice),
            Ok(&b"<Assertion/>"[..])
        );
        let mut tag = [0; 16];
        let sealed = encrypt_aead(Cipher::aes_256_gcm(), &[7; 32], Some(&[1; 12]), &[], b"<Assertion/>", &mut tag).expect("sealed");
        let gcm = [vec![1; 12], sealed, tag.to_vec()].concat();
        let modern_key = seal_key(&rsa, &[7; 32], MessageDigest::sha256(), MessageDigest::sha256());
        let text = BASE64.encode(&gcm);
        let mut modern = part(OAEP11, &modern_key, GCM, &text);
        modern.key_digest = Some(SHA256);
        modern.key_mask = Some("http://www.w3.org/2009/xmlenc11#mgf1sha256");
        assert_eq!(decrypt(&modern, [&key(), &rsa].into_iter()).as_deref().map(Vec::as_slice), Ok(&b"<Assertion/>"[..]), "the second key");
        for at in 0..gcm.len() {
            let mut changed = gcm.clone();
            changed[at] ^= 1;
            let changed = BASE64.encode(&changed);
            assert_eq!(decrypt(&Encrypted { content: &changed, ..modern }, [&rsa].into_iter()), Err(Refused::Undecipherable));
        }
    }

    #[test]
    fn too_short_or_odd_lengths_are_refused_and_never_cut() {
        let rsa = key();
        let sealed_key = seal_key(&rsa, &[7; 32], MessageDigest::sha1(), MessageDigest::sha1());
        for algorithm in [CBC, GCM] {
            for length in (0..48).chain([63, 64]) {
                let content = BASE64.encode(&vec![0; length]);
                // The plaintext may end in valid padding, so only a panic is a failure here.
                let _ = decrypt(&part(MGF1P, &sealed_key, algorithm, &content), [&rsa].into_iter());
            }
            assert_eq!(decrypt(&part(MGF1P, &sealed_key, algorithm, "AAAA"), [&rsa].into_iter()), Err(Refused::Undecipherable));
            assert_eq!(decrypt(&part(MGF1P, "AAAA", algorithm, "AAAA"), [&rsa].into_iter()), Err(Refused::Undecipherable));
            assert_eq!(decrypt(&part(MGF1P, "&", algorithm, "AAAA"), [&rsa].into_iter()), Err(Refused::Undecipherable));
        }
        let short = seal_key(&rsa, &[7; 16], MessageDigest::sha1(), MessageDigest::sha1());
        assert_eq!(
            decrypt(&part(MGF1P, &short, CBC, &"A".repeat(64)), [&rsa].into_iter()),
            Err(Refused::Undecipherable),
            "a key of another length"
        );
    }

    #[test]
    fn ways_that_are_not_listed_are_refused() {
        let rsa = key();
        for algorithm in ["http://www.w3.org/2001/04/xmlenc#rsa-1_5", "", "http://www.w3.org/2001/04/xmlenc#kw-aes128"] {
            assert_eq!(decrypt(&part(algorithm, "AAAA", CBC, "AAAA"), [&rsa].into_iter()), Err(Refused::KeyEncryption));
        }
        for algorithm in ["http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "", "http://www.w3.org/2001/04/xmlenc#aes192-cbc"] {
            assert_eq!(decrypt(&part(MGF1P, "AAAA", algorithm, "AAAA"), [&rsa].into_iter()), Err(Refused::ContentEncryption));
        }
        let md5 = Encrypted { key_digest: Some("http://www.w3.org/2001/04/xmldsig-more#md5"), ..part(MGF1P, "AAAA", CBC, "AAAA") };
        assert_eq!(decrypt(&md5, [&rsa].into_iter()), Err(Refused::KeyEncryption));
    }
}
