//! Years and dates as Danes write them: `1964`, `24121985`, `241285`, `24/12-85`, `5.3.2010`, and the ISO order.

use super::{
    path::{Kind, RecognisedPart},
    text::Sign,
};

/// The first year that is a year.
const FIRST_YEAR: i32 = 1900;
/// Years to come that people write.
const AHEAD: i32 = 10;
/// A day of a year: 366 (log10).
const DAY: f32 = 2.56;
/// What may part a date.
const BETWEEN: [char; 6] = ['.', '-', '/', ' ', '_', ','];

/// A part of a date: so many digits.
#[derive(Clone, Copy)]
enum Part {
    Day(usize),
    Month(usize),
    Year(usize),
}

/// The Danish order first; then ISO 8601 and its short form.
const FORMS: [&[Part]; 7] = [
    &[Part::Day(2), Part::Month(2)],
    &[Part::Day(2), Part::Month(2), Part::Year(2)],
    &[Part::Day(2), Part::Month(2), Part::Year(4)],
    &[Part::Year(4), Part::Month(2), Part::Day(2)],
    &[Part::Year(2), Part::Month(2), Part::Day(2)],
    &[Part::Month(2), Part::Year(4)],
    &[Part::Month(2), Part::Year(2)],
];

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Date {
    pub(super) day: Option<u32>,
    pub(super) month: Option<u32>,
    /// As written: two digits or four.
    pub(super) year: Option<u32>,
}

/// Finds every year and date. `year` is the present one.
pub(super) fn find(signs: &[Sign], year: i32, found: &mut Vec<RecognisedPart>) {
    for start in 0..signs.len() {
        let mut add = |end, cost, kind| found.push(RecognisedPart { start, end, cost, kind });
        if let Some(written) = number(signs, start, 4).filter(|written| is_year(*written, year)) {
            add(start + 4, year_cost(written, year), Kind::Year);
        }
        if let Some(written) = number(signs, start, 2) {
            add(start + 2, year_cost(written, year), Kind::Year);
        }
        for form in FORMS {
            for between in std::iter::once(None).chain(BETWEEN.map(Some)) {
                for short in [false, true] {
                    // Without a separator each part has its two digits.
                    if (short && between.is_none())
                        || between
                            .is_some_and(|c| signs.get(start + 1..start + 5).is_none_or(|next| next.iter().all(|sign| sign.lower != c)))
                    {
                        continue;
                    }
                    if let Some((date, end)) = read(signs, start, form, between, short).filter(|(date, _)| date.exists(year)) {
                        add(end, date.cost(year) + if between.is_some() { 0.3 } else { 0.0 }, Kind::Date);
                    }
                }
            }
        }
    }
}

/// One or two digits at the end, or before the signs there: what people add where a digit is asked for.
pub(super) fn find_ending(signs: &[Sign], found: &mut Vec<RecognisedPart>) {
    let end = signs.len() - signs.iter().rev().take_while(|sign| sign.separates()).count();
    let digits = signs[..end].iter().rev().take_while(|sign| sign.digit().is_some()).count();
    let cost = match (digits, number(signs, end.saturating_sub(1), 1)) {
        (1, Some(1)) => 0.3,
        (1, _) => 0.8,
        (2, _) => 1.5,
        _ => return,
    };
    found.push(RecognisedPart { start: end - digits, end, cost, kind: Kind::Ending });
}

impl Date {
    /// A date that there is: the day may be the 31st of any month.
    pub(super) fn exists(self, year: i32) -> bool {
        self.day.is_none_or(|day| (1..=31).contains(&day))
            && self.month.is_none_or(|month| (1..=12).contains(&month))
            && self.year.is_none_or(|written| written < 100 || is_year(written, year))
    }

    fn cost(self, year: i32) -> f32 {
        let day = match (self.day, self.month) {
            (Some(_), Some(_)) => DAY,
            (Some(_), None) => 1.5,
            (None, Some(_)) => 1.1,
            (None, None) => 0.0,
        };
        day + self.year.map_or(0.0, |written| year_cost(written, year))
    }
}

fn read(signs: &[Sign], start: usize, form: &[Part], between: Option<char>, short: bool) -> Option<(Date, usize)> {
    let mut date = Date::default();
    let mut at = start;
    for (nth, part) in form.iter().enumerate() {
        if let Some(between) = between.filter(|_| nth > 0) {
            signs.get(at).filter(|sign| sign.lower == between)?;
            at += 1;
        }
        // 5.3.2010: a day or month of one digit
        let one = short && number(signs, at, 2).is_none();
        let digits = match part {
            Part::Day(_) | Part::Month(_) if one => 1,
            Part::Day(digits) | Part::Month(digits) | Part::Year(digits) => *digits,
        };
        let value = number(signs, at, digits)?;
        match part {
            Part::Day(_) => date.day = Some(value),
            Part::Month(_) => date.month = Some(value),
            Part::Year(_) => date.year = Some(value),
        }
        at += digits;
    }
    Some((date, at))
}

fn number(signs: &[Sign], start: usize, digits: usize) -> Option<u32> {
    signs.get(start..start + digits)?.iter().try_fold(0, |number, sign| Some(number * 10 + sign.digit()?))
}

fn is_year(written: u32, year: i32) -> bool {
    i32::try_from(written).is_ok_and(|written| (FIRST_YEAR..=year + AHEAD).contains(&written))
}

/// The nearer to now, the fewer guesses (log10): ten at least.
fn year_cost(written: u32, year: i32) -> f32 {
    let away = |written: i32| (year - written).abs();
    let written = i32::try_from(written).unwrap_or(0);
    let away = if written < 100 { away(FIRST_YEAR + written).min(away(2000 + written)) } else { away(written) };
    #[expect(clippy::cast_precision_loss, reason = "at most 130")]
    let away = away.clamp(10, 130) as f32;
    away.log10()
}
