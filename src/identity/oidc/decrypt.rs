//! Decryption of tokens (RFC 7516): only RSA-OAEP-256 with A256GCM, without compression.

use josekit::jwe::{
    JweContext, RSA_OAEP_256,
    alg::rsaes::RsaesJweDecrypter,
    enc::{A128CBC_HS256, A128GCM, A192CBC_HS384, A192GCM, A256CBC_HS512},
};
use openssl::pkey::{PKey, Private};
use zeroize::Zeroizing;

use super::{OidcRefused, jwt::Header};

/// Base64url lengths of a nonce of 12 bytes and a tag of 16 (RFC 7518, section 5.3). The library checks neither length: it panics on a
/// missing nonce, and accepts a tag of one byte, which one guess in 256 matches.
const NONCE_AND_TAG: [usize; 2] = [16, 22];

/// Our decryption keys, the most likely first.
#[derive(Debug)]
pub struct Decrypters {
    context: JweContext,
    keys: Vec<RsaesJweDecrypter>,
}

impl Decrypters {
    /// Prepares the keys. An unusable key is left out, because another may fit.
    pub fn of<'k>(keys: impl Iterator<Item = &'k PKey<Private>>) -> Self {
        let mut context = JweContext::new();
        context.remove_compression("DEF"); // a small token could expand to any size
        for (name, _) in
            [(A128CBC_HS256.name(), 0), (A192CBC_HS384.name(), 0), (A256CBC_HS512.name(), 0), (A128GCM.name(), 0), (A192GCM.name(), 0)]
        {
            context.remove_content_encryption(name);
        }
        let keys = keys.filter_map(|key| {
            let der = Zeroizing::new(key.private_key_to_pkcs8().ok()?);
            RSA_OAEP_256.decrypter_from_der(der.as_slice()).ok()
        });
        Self { context, keys: keys.collect() }
    }

    /// Decrypts a token. Returns the signed token inside.
    pub fn open(&self, token: &str) -> Result<Zeroizing<String>, OidcRefused> {
        let header = Header::of(token)?;
        if header.alg != "RSA-OAEP-256"
            || header.enc.as_ref().and_then(serde_json::Value::as_str) != Some("A256GCM")
            || header.zip.is_some()
            || header.crit.is_some()
        {
            return Err(OidcRefused::Encryption);
        }
        let parts: Vec<_> = token.split('.').collect();
        let [_, _, nonce, _, tag] = parts.as_slice() else { return Err(OidcRefused::NotJwt) };
        if [nonce.len(), tag.len()] != NONCE_AND_TAG {
            return Err(OidcRefused::Undecipherable);
        }
        let opened = self.keys.iter().find_map(|key| self.context.deserialize_compact(token, key).ok());
        let (bytes, _) = opened.ok_or(OidcRefused::Undecipherable)?;
        let bytes = Zeroizing::new(bytes);
        Ok(Zeroizing::new(std::str::from_utf8(&bytes).map_err(|_| OidcRefused::NotJwt)?.to_owned()))
    }
}
