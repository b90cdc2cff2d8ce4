//! Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and 30 seconds, which every app supports.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

/// 160 bits, as RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;
/// Duration of a time step, seconds.
const STEP: u64 = 30;
const DIGITS: u8 = 6;
/// Accepted steps before and after the current one, for clock differences and slow typing.
const TOLERANCE: u16 = 1;

/// Characters to encode in a URI: all but the unreserved ones of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Secret shared by an app and this service.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl TotpSecret {
    /// From random bytes.
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// From the store; `None` if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    /// For the store, which seals it.
    pub fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// Base32, for typing into an app.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&*self.0))
    }

    /// URI for a link or QR code, in Google Authenticator's Key Uri Format, where a colon ends the issuer.
    pub fn uri(&self, issuer: &str, name: &str) -> Zeroizing<String> {
        let issuer = issuer.replace(':', "");
        let (issuer, name) = (utf8_percent_encode(&issuer, ENCODED), utf8_percent_encode(name, ENCODED));
        let secret = self.base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{name}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}",
            *secret
        ))
    }

    /// The step of a code that is currently valid. White space is ignored, because apps show `123 456`. The store rejects steps that were
    /// used before.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let code: Zeroizing<String> = Zeroizing::new(code.chars().filter(|c| !c.is_whitespace()).collect());
        let now = u64::try_from(now.as_second()).ok()?;
        self.totp().check(&code, now).and_then(|step| i64::try_from(step).ok())
    }

    fn totp(&self) -> Totp {
        let built = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(STEP)
            .with_skew(TOLERANCE)
            .with_secret(Secret::new_stack(*self.0))
            .build();
        built.expect("six digits and 160 bits are what the RFC asks for")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").expect("20 bytes")
    }

    /// RFC 6238, appendix B, SHA-1. The table has eight digits; codes are the last six.
    #[test]
    fn the_codes_of_the_rfc() {
        for (second, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(secret().step_of(&code[2..], at(second)), Some(second / 30), "{second}");
        }
    }

    #[test]
    fn a_code_counts_a_step_before_and_after_its_own_and_no_longer() {
        let code = "287082"; // of step 1: seconds 30 to 59
        for (second, expected) in [(0, Some(1)), (29, Some(1)), (30, Some(1)), (59, Some(1)), (60, Some(1)), (89, Some(1)), (90, None)] {
            assert_eq!(secret().step_of(code, at(second)), expected, "{second}");
        }
        let late = "081804"; // of step 37037036
        assert_eq!(secret().step_of(late, at(37_037_035 * 30)), Some(37_037_036));
        assert_eq!(secret().step_of(late, at(37_037_035 * 30 - 1)), None);
        assert_eq!(secret().step_of(code, at(-1)), None);
    }

    #[test]
    fn blanks_do_not_matter_and_everything_else_does() {
        assert_eq!(secret().step_of(" 287 082 ", at(59)), Some(1));
        for code in ["", "28708", "2870820", "+87082", "28708x", "２８７０８２", "0x46167", "287082\0"] {
            assert_eq!(secret().step_of(code, at(59)), None, "{code:?}");
        }
    }

    #[test]
    fn an_app_reads_the_uri_and_nobody_the_debug_text() {
        let uri = secret().uri("Prøve: Kommune", "vagt.åse");
        assert_eq!(
            *uri,
            "otpauth://totp/Pr%C3%B8ve%20Kommune:vagt.%C3%A5se?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Pr%C3%B8ve%20Kommune&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{:?}", secret()), "TotpSecret(…)");
        assert!(TotpSecret::from_bytes(b"short").is_none());
    }
}
