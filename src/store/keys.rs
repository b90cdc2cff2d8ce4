//! Derivation of one key for each purpose from the configured secret.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this machine gives no random numbers")]
pub struct NoRandomness;

/// The derived keys. Cannot be printed.
#[derive(Clone)]
pub struct DerivedKeys {
    session_id: hmac::Key,
    session_data: hmac::Key,
    session_subject: hmac::Key,
    fingerprint: hmac::Key,
    form: hmac::Key,
    sealed: hmac::Key,
    staff: hmac::Key,
    audit: hmac::Key,
    random: SystemRandom,
}

impl fmt::Debug for DerivedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl DerivedKeys {
    /// Derives the keys by HMAC-SHA-256 with a label for each purpose (NIST SP 800-108 with one block).
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let key =
            |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, format!("os2nykode 1 {purpose}").as_bytes()).as_ref());
        Self {
            session_id: key("session id"),
            session_data: key("session data"),
            session_subject: key("session subject"),
            fingerprint: key("fingerprint"),
            form: key("form"),
            sealed: key("sealed"),
            staff: key("staff second factor"),
            audit: key("audit entry"),
            random: SystemRandom::new(),
        }
    }

    pub fn random<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }

    /// Keyed fingerprint of a name that may not be stored: 16 hexadecimal digits. It cannot be computed without the secret.
    pub fn fingerprint(&self, name: &str) -> String {
        HEXLOWER.encode(&hmac::sign(&self.fingerprint, name.as_bytes()).as_ref()[..8])
    }

    /// Pseudonym in the audit log for a person without an account. Equal names give equal pseudonyms; they cannot be computed without the
    /// secret.
    pub fn pseudonym(&self, name: &[u8]) -> uuid::Uuid {
        let mut context = hmac::Context::with_key(&self.fingerprint);
        context.update(b"pseudonym ");
        context.update(name);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&context.sign().as_ref()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// Selector of a one-time code for this name or account: 32 hexadecimal digits.
    pub(super) fn code_selector(&self, name: &str, selector: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.fingerprint);
        for part in [b"code selector ", selector, b" ", name.as_bytes()] {
            context.update(part);
        }
        HEXLOWER.encode(&context.sign().as_ref()[..16])
    }

    /// Form token, bound to a session or a browser: 64 hexadecimal digits.
    pub fn form_token(&self, binding: &str) -> String {
        HEXLOWER.encode(hmac::sign(&self.form, binding.as_bytes()).as_ref())
    }

    /// Compares in constant time.
    pub fn verify_form_token(&self, binding: &str, token: &str) -> bool {
        self.form_token(binding).as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Encrypts and authenticates a text that the browser keeps, bound to a name. base64url.
    pub fn seal(&self, name: &str, text: &[u8]) -> Result<String, NoRandomness> {
        Ok(BASE64URL_NOPAD.encode(&self.seal_with(&hmac::sign(&self.sealed, name.as_bytes()), name, text)?))
    }

    /// Inverse of `seal`. `None` if the text is not authentic for this name.
    pub fn open(&self, name: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        Self::open_with(&hmac::sign(&self.sealed, name.as_bytes()), name, &bytes).map(|text| text.to_vec())
    }

    /// Nonce, ChaCha20-Poly1305 ciphertext and tag, with a derived key, bound to a name.
    pub(super) fn seal_with(&self, key: &hmac::Tag, name: &str, text: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce: [u8; NONCE_LEN] = self.random()?;
        let mut sealed = Zeroizing::new(text.to_vec());
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        let tag = cipher(key).seal_in_place_separate_tag(nonce_used, Aad::from(name.as_bytes()), &mut sealed).map_err(|_| NoRandomness)?;
        Ok([&nonce[..], &sealed, tag.as_ref()].concat())
    }

    /// Inverse of `seal_with`. `None` for another key, another name or a changed text.
    pub(super) fn open_with(key: &hmac::Tag, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let length = cipher(key).open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(name.as_bytes()), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }

    /// MAC of an audit entry, by which the service recognises its own entries: 32 hexadecimal digits.
    pub fn audit_mac(&self, content: &[u8]) -> String {
        HEXLOWER.encode(&hmac::sign(&self.audit, content).as_ref()[..16])
    }

    /// Compares in constant time.
    pub fn verify_audit_mac(&self, content: &[u8], mac: &str) -> bool {
        self.audit_mac(content).as_bytes().ct_eq(mac.as_bytes()).into()
    }

    /// Encryption key of the second factor of a local account.
    pub(super) fn staff(&self, id: &str) -> hmac::Tag {
        hmac::sign(&self.staff, id.as_bytes())
    }

    pub(super) fn session_id(&self, id: i128) -> String {
        HEXLOWER.encode(hmac::sign(&self.session_id, &id.to_be_bytes()).as_ref())
    }

    /// Public name of a stored session. Leads neither to its id nor to its cookie.
    pub(super) fn session_handle(&self, id: &str) -> String {
        self.fingerprint(&format!("session {id}"))
    }

    pub(super) fn session_subject(&self, account: &str) -> String {
        HEXLOWER.encode(hmac::sign(&self.session_subject, account.as_bytes()).as_ref())
    }

    pub(super) fn session_data(&self, id: i128) -> hmac::Tag {
        hmac::sign(&self.session_data, &id.to_be_bytes())
    }
}

fn cipher(key: &hmac::Tag) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).expect("HMAC-SHA-256 has the 32 bytes that ChaCha20 takes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_its_own_binding_only() {
        let keys = DerivedKeys::new(&[7; 32]);
        let token = keys.form_token("one");
        assert!(keys.verify_form_token("one", &token));
        for wrong in ["", "x", &keys.form_token("two"), &DerivedKeys::new(&[8; 32]).form_token("one"), &token[1..]] {
            assert!(!keys.verify_form_token("one", wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_sealed_opens_under_its_own_name_only_and_unchanged_only() {
        let keys = DerivedKeys::new(&[7; 32]);
        let sealed = keys.seal("login abc", b"text").expect("sealed");
        assert_eq!(keys.open("login abc", &sealed).as_deref(), Some(&b"text"[..]));
        assert_ne!(keys.seal("login abc", b"text").expect("sealed"), sealed, "never twice the same");
        assert_eq!(keys.open("login abd", &sealed), None);
        assert_eq!(DerivedKeys::new(&[8; 32]).open("login abc", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(keys.open("login abc", &String::from_utf8(changed).expect("ASCII")), None);
            assert_eq!(keys.open("login abc", &sealed[..at]), None);
        }
    }

    #[test]
    fn nothing_of_the_keys_is_printed() {
        assert_eq!(format!("{:?}", DerivedKeys::new(&[7; 32])), "Keys(…)");
    }
}
