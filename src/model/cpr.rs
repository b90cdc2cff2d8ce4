//! The CPR number, the Danish personal identifier. It is never shown, logged or put in a URL in full.

use std::fmt;

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::model::account::name::is_invisible;

/// A CPR number: ten digits, of which the first six are a date. Modulus 11 is not checked, because numbers given out since 2007 need not
/// satisfy it (CPR-kontoret, "Personnumre uden kontrolciffer"). Display masks it; it is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpr([u8; 10]);

impl Cpr {
    /// Reads `0101901234` and `010190-1234` only: no blanks, no other dashes, no digits of other scripts.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits: [u8; 10] = match bytes.len() {
            10 => bytes.try_into().ok()?,
            11 if bytes[6] == b'-' => [&bytes[..6], &bytes[7..]].concat().try_into().ok()?,
            _ => return None,
        };
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits)).filter(|cpr| cpr.born().is_some())
    }

    /// Date of birth. The century follows from the seventh digit and the year (CPR-kontoret, "Personnummeret i CPR").
    pub fn born(&self) -> Option<Date> {
        let two = |at: usize| i8::try_from((self.0[at] - b'0') * 10 + (self.0[at + 1] - b'0')).ok();
        let (day, month, year) = (two(0)?, two(2)?, i16::from(two(4)?));
        let century = match (self.0[6] - b'0', year) {
            (0..=3, _) | (4 | 9, 37..) => 1900,
            (4 | 9, _) | (5..=8, ..=57) => 2000,
            _ => 1800,
        };
        Date::new(century + year, month, day).ok()
    }

    /// True from the birthday on. A birthday on 29 February falls on the 28th in other years.
    pub fn has_turned(&self, years: i8, today: Date) -> bool {
        // A birthday past the end of the calendar is never reached.
        self.born().and_then(|born| born.checked_add(i32::from(years).years()).ok()).is_some_and(|birthday| birthday <= today)
    }

    /// In a register's format, wiped when dropped.
    pub fn written(&self, format: CprFormat) -> Zeroizing<String> {
        Zeroizing::new(match format {
            CprFormat::Digits => self.digits().to_owned(),
            CprFormat::Dashed => self.dashed(),
        })
    }

    /// Ten digits. For the directory and registers only.
    pub fn digits(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// `010190-1234`. For the directory and registers only.
    pub fn dashed(&self) -> String {
        let (date, rest) = self.digits().split_at(6);
        format!("{date}-{rest}")
    }
}

/// Most separators in a row between two digits of a CPR number in free text: people write `010190 - 1234` and `01 01 90-1234`.
const GAP: usize = 3;

fn is_gap(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || is_invisible(c)
        || matches!(c, '-' | '.' | '/' | '_' | ',' | ':' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Masks every CPR number in a free text, because people write them where they should not. A CPR number is ten digits with at most `GAP`
/// separators between two of them, no digit directly before or after, and a valid date.
pub fn mask_in(text: &str) -> String {
    let mut masked: Vec<char> = text.chars().collect();
    // Digits of other scripts count too: people can read them.
    let digit = |c: char| c.to_digit(10).or_else(|| (0xFF10..=0xFF19).contains(&(c as u32)).then(|| c as u32 - 0xFF10));
    for from in 0..masked.len() {
        if from > 0 && digit(masked[from - 1]).is_some() {
            continue;
        }
        let Some(places) = ten_digits(&masked, from, &digit) else { continue };
        let written: String = places.iter().filter_map(|place| char::from_digit(digit(masked[*place])?, 10)).collect();
        let ends = masked.get(places[9] + 1).is_none_or(|c| digit(*c).is_none());
        if ends && Cpr::parse(&written).is_some() {
            for place in &places[6..] {
                masked[*place] = '•';
            }
        }
    }
    masked.into_iter().collect()
}

/// The positions of ten digits that begin at `from`, with at most [`GAP`] separators between two of them.
fn ten_digits(text: &[char], from: usize, digit: &impl Fn(char) -> Option<u32>) -> Option<[usize; 10]> {
    let mut places = [0; 10];
    let mut at = from;
    for (number, place) in places.iter_mut().enumerate() {
        let gap = text[at.min(text.len())..].iter().take_while(|c| is_gap(**c)).count();
        if gap > GAP || (number == 0 && gap > 0) {
            return None;
        }
        at += gap;
        digit(*text.get(at)?)?;
        *place = at;
        at += 1;
    }
    Some(places)
}

/// A register's format of CPR numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CprFormat {
    /// `0101901234`.
    #[default]
    Digits,
    /// `010190-1234`.
    Dashed,
}

impl CprFormat {
    /// A number that no person has (there is no day 00), for the check of a register.
    pub fn nobody(self) -> &'static str {
        match self {
            Self::Digits => "0000000000",
            Self::Dashed => "000000-0000",
        }
    }
}

impl Drop for Cpr {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Display for Cpr {
    /// Masked: `010190-••••`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-••••", &self.digits()[..6])
    }
}

impl fmt::Debug for Cpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cpr(…)")
    }
}

/// The text is not a CPR number. The text itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a CPR number")]
pub struct NotACpr;

impl TryFrom<String> for Cpr {
    type Error = NotACpr;

    fn try_from(mut text: String) -> Result<Self, NotACpr> {
        let parsed = Self::parse(&text).ok_or(NotACpr);
        text.zeroize();
        parsed
    }
}

impl From<Cpr> for String {
    fn from(cpr: Cpr) -> Self {
        cpr.digits().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_dash_are_one_number() {
        let cpr = Cpr::parse("0101901234").expect("a number");
        assert_eq!(Some(&cpr), Cpr::parse("010190-1234").as_ref());
        assert_eq!((cpr.digits(), cpr.dashed().as_str()), ("0101901234", "010190-1234"));
    }

    #[test]
    fn what_is_no_number_or_no_date_is_refused() {
        for text in [
            "",
            "010190123",
            "01019012345",
            "010190 1234",
            "010190–1234",
            "0101-901234",
            "3102901234",
            "0013901234",
            "3201901234",
            "2902991234",
            "01019012a4",
            "٠١٠١٩٠١٢٣٤",
            " 0101901234",
            "0101901234\n",
        ] {
            assert_eq!(Cpr::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_seventh_digit_tells_the_century() {
        for (cpr, born) in [
            ("0101001000", "1900-01-01"),
            ("0101364000", "2036-01-01"),
            ("0101374000", "1937-01-01"),
            ("2902004000", "2000-02-29"),
            ("0101575000", "2057-01-01"),
            ("0101585000", "1858-01-01"),
            ("0101369000", "2036-01-01"),
            ("0101379000", "1937-01-01"),
        ] {
            assert_eq!(Cpr::parse(cpr).and_then(|cpr| cpr.born()).expect(cpr).to_string(), born, "{cpr}");
        }
        assert_eq!(Cpr::parse("2902001000"), None, "1900 had no 29 February");
    }

    #[test]
    fn a_year_is_turned_on_the_birthday_itself() {
        for (cpr, years, today, turned) in [
            ("2411144000", 12, "2026-11-23", false),
            ("2411144000", 12, "2026-11-24", true),
            ("2411144000", 12, "2026-11-25", true),
            ("2411144000", 13, "2026-11-25", false),
            ("2902124000", 14, "2026-02-27", false),
            ("2902124000", 14, "2026-02-28", true),
            ("2902124000", 16, "2028-02-28", false),
            ("2902124000", 16, "2028-02-29", true),
            ("2411264000", 0, "2026-11-23", false),
            ("2411264000", 0, "2026-11-24", true),
            ("0101901000", 99, "2026-11-24", false),
        ] {
            let cpr = Cpr::parse(cpr).expect(cpr);
            assert_eq!(cpr.has_turned(years, today.parse().expect(today)), turned, "{cpr} {years} {today}");
        }
    }

    #[test]
    fn numbers_in_a_text_are_masked_and_nothing_else() {
        for (text, masked) in [
            ("cpr 010190-1234, ringede", "cpr 010190-••••, ringede"),
            ("0101901234", "010190••••"),
            ("010190 1234.", "010190 ••••."),
            ("både 0101901234 og 020290–1234", "både 010190•••• og 020290–••••"),
            ("12345678", "12345678"),
            ("3102901234", "3102901234"),
            ("901019012345", "901019012345"),
            ("æ0101901234", "æ010190••••"),
            ("", ""),
            ("010190 - 1234", "010190 - ••••"),
            ("010190\u{A0}1234", "010190\u{A0}••••"),
            ("010190/1234", "010190/••••"),
            ("010190—1234", "010190—••••"),
            ("01 01 90-1234", "01 01 90-••••"),
            ("01.01.90 1 2 3 4", "01.01.90 • • • •"),
            ("０１０１９０1234", "０１０１９０••••"),
            ("010190    1234", "010190    1234"),
            ("den 01.01.90, 1234 Byen", "den 01.01.90, •••• Byen"),
            ("010190\n1234", "010190\n••••"),
            ("tlf. 12 34 56 78, sag 12345", "tlf. 12 34 56 78, sag 12345"),
        ] {
            assert_eq!(mask_in(text), masked, "{text}");
        }
    }

    #[test]
    fn nobodys_number_is_no_number() {
        for format in [CprFormat::Digits, CprFormat::Dashed] {
            assert_eq!(Cpr::parse(format.nobody()), None);
            let written = Cpr::parse("0101901234").expect("a number").written(format);
            assert_eq!(written.len(), format.nobody().len());
        }
    }

    #[test]
    fn it_is_never_printed_in_full() {
        let cpr = Cpr::parse("010190-1234").expect("a number");
        assert_eq!(cpr.to_string(), "010190-••••");
        assert!(!format!("{cpr:?}").contains(|c: char| c.is_ascii_digit()));
    }
}
