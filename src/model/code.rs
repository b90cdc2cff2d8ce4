//! The one-time code that a helper reads aloud: short, without look-alikes, and never printed by accident.

use zeroize::Zeroize;

/// Neither of 0 O, 1 I L, 2 Z, 5 S, 8 B, and of U V only one: what is read from paper or a screen is one character and no other.
const ALPHABET: &[u8; 24] = b"ACDEFGHJKMNPQRTWXY34679V";

/// Ten characters, 45 bits: four select it, and with five tries at the other six nobody guesses it. Wiped when dropped; `{:?}` prints no letter of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; 10]);

impl Code {
    /// From random bytes, every character as likely as any other. `None` where too many of them had to be thrown away (of 64, practically never).
    pub fn from_random(bytes: &[u8; 64]) -> Option<Self> {
        // 240 is the largest multiple of 24 that a byte can hold: what is above would come out more often.
        let mut fair = bytes.iter().filter(|byte| **byte < 240).map(|byte| ALPHABET[usize::from(byte % 24)]);
        let mut code = [0; 10];
        for place in &mut code {
            *place = fair.next()?;
        }
        Some(Self(code))
    }

    /// Reads what was typed, in either case, with blanks and dashes anywhere. `None`: it can't be a code.
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '\u{2010}' | '\u{2011}'));
        let mut code = [0; 10];
        for place in &mut code {
            let upper = u8::try_from(typed.next()?).ok()?.to_ascii_uppercase();
            *place = ALPHABET.contains(&upper).then_some(upper)?;
        }
        typed.next().is_none().then_some(Self(code))
    }

    /// `K7Q-4MXP-9WD`: for the helper's page only.
    pub fn shown(&self) -> String {
        let text = std::str::from_utf8(&self.0).unwrap_or_default();
        format!("{}-{}-{}", &text[..3], &text[3..7], &text[7..])
    }

    /// What selects the code among all guesses: a wrong guess uses up one of its tries only where this is right. The rest, 27 bits, is what is guessed then.
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
    use super::*;

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
