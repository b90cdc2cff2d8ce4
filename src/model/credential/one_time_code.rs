//! One-time codes, which a helpdesk reads aloud: short, without look-alikes, never printed by accident.

use zeroize::Zeroize;

/// Leaves out 0 O, 1 I L, 2 Z, 5 S, 8 B, and U, which looks like V: no character can be misread as another.
const ALPHABET: &[u8; 24] = b"ACDEFGHJKMNPQRTWXY34679V";

/// Ten characters, 45 bits. Four select the code; five attempts at the other six do not find it. Wiped when dropped; `{:?}` prints no
/// character of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; 10]);

impl Code {
    /// Draws a code with every character equally likely. `None` if too many bytes had to be discarded (of 64, practically never).
    pub fn from_random(bytes: &[u8; 64]) -> Option<Self> {
        // 240 is the largest multiple of 24 in a byte: with higher values some characters would be more frequent.
        let mut fair = bytes.iter().filter(|byte| **byte < 240).map(|byte| ALPHABET[usize::from(byte % 24)]);
        let mut code = [0; 10];
        for place in &mut code {
            *place = fair.next()?;
        }
        Some(Self(code))
    }

    /// Parses a typed code, in either case, with blanks and dashes anywhere. `None` if it cannot be a code.
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '\u{2010}' | '\u{2011}'));
        let mut code = [0; 10];
        for place in &mut code {
            let upper = u8::try_from(typed.next()?).ok()?.to_ascii_uppercase();
            *place = ALPHABET.contains(&upper).then_some(upper)?;
        }
        typed.next().is_none().then_some(Self(code))
    }

    /// `K7Q-4MXP-9WD`, for the page of the issuer only.
    pub fn shown(&self) -> String {
        let text = std::str::from_utf8(&self.0).unwrap_or_default();
        format!("{}-{}-{}", &text[..3], &text[3..7], &text[7..])
    }

    /// The first four characters, which select the code. A wrong guess uses up an attempt of the code only if these are right. The rest has
    /// 27 bits.
    pub fn selector(&self) -> &[u8] {
        &self.0[..4]
    }

    /// For hashing only.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use crate::model::credential::one_time_code::*;

    #[test]
    fn it_is_read_as_it_is_shown_however_it_is_typed() {
        let code = Code::from_random(&[7; 64]).expect("enough");
        for typed in
            [code.shown(), code.shown().to_lowercase(), code.shown().replace('-', " "), format!("  {} ", code.shown().replace('-', ""))]
        {
            assert_eq!(Code::parse(&typed), Some(code.clone()), "{typed}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "ACD", "ACDEFGHJKMN", "0CDEFGHJKM", "ACDEFGHJK", "ACDEFGHJKÆ", "ＡCDEFGHJKM", "ACDEFGHJK\0"] {
            assert_eq!(Code::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_character_is_as_likely_as_any_other_and_none_looks_like_another() {
        let mut counts = std::collections::BTreeMap::new();
        for byte in 0..240_u8 {
            let code = Code::from_random(&[byte; 64]).expect("enough");
            *counts.entry(code.0[0]).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|count| *count == 10), "{counts:?}");
        assert!(counts.keys().all(|c| !b"0O1IL2Z5S8BU".contains(c)));
        assert_eq!(Code::from_random(&[255; 64]), None);
    }

    #[test]
    fn it_is_never_printed() {
        let code = Code::from_random(&[3; 64]).expect("enough");
        assert_eq!(format!("{code:?}"), "Code(…)");
    }
}
