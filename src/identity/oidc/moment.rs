//! Times in tokens (NumericDate, RFC 7519, section 2): seconds since 1970, with fractions.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Number, Value};

/// Parses a number of seconds since 1970.
pub fn seconds(said: &Value) -> Option<Timestamp> {
    said.as_number().and_then(of_number)
}

/// Parses an end of validity: as [`seconds`], with numbers after the year 9999 as the latest possible time.
pub fn end(said: &Value) -> Option<Timestamp> {
    let beyond = |number: &Number| number.as_f64().is_some_and(|seconds| seconds > 253_402_207_200.0 && seconds.is_finite());
    match said.as_number() {
        Some(number) if beyond(number) => Some(Timestamp::MAX),
        Some(_) | None => seconds(said),
    }
}

/// Parses seconds since 1970 as a number or text, or ISO 8601 (UTC without an offset). White space around text is ignored.
pub fn any(said: &Value) -> Option<Timestamp> {
    let Value::String(text) = said else { return seconds(said) };
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text).split_once('.').map_or((text, "0"), |(whole, part)| (whole, part));
    if [digits.0.trim_start_matches('-'), digits.1].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        return of_number(&text.parse().ok()?);
    }
    text.parse().ok().or_else(|| Some(text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

fn of_number(number: &Number) -> Option<Timestamp> {
    match number.as_i64() {
        Some(second) => Timestamp::from_second(second).ok(),
        None => Timestamp::from_duration(SignedDuration::try_from_secs_f64(number.as_f64()?).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_what_it_means_however_it_is_written() {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).ok();
        for (said, expected) in [
            (json!(1_764_000_000), at(1_764_000_000_000)),
            (json!(1_764_000_000.5), at(1_764_000_000_500)),
            (json!(1_764_000_000.0), at(1_764_000_000_000)),
            (json!(1.764e9), at(1_764_000_000_000)),
            (json!(-1), at(-1000)),
            (json!("1764000000"), at(1_764_000_000_000)),
            (json!(" 1764000000.5\n"), at(1_764_000_000_500)),
            (json!("2025-11-24T16:00:00Z"), at(1_764_000_000_000)),
            (json!("2025-11-24T17:00:00+01:00"), at(1_764_000_000_000)),
            (json!("2025-11-24T16:00:00.500"), at(1_764_000_000_500)),
        ] {
            assert_eq!(any(&said), expected, "{said}");
        }
        for said in [
            json!(true),
            json!(null),
            json!([1]),
            json!(1e300),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(""),
            json!("."),
            json!("1."),
            json!("x"),
            json!("1e9"),
            json!("--1"),
            json!("-"),
        ] {
            assert_eq!(any(&said), None, "{said}");
        }
        assert_eq!(seconds(&json!("1764000000")), None, "text counts only where it is said to");
    }

    #[test]
    fn an_end_after_all_times_is_the_end_of_time() {
        assert_eq!(end(&json!(1_764_000_000_000_i64)), Some(Timestamp::MAX), "milliseconds by mistake");
        assert_eq!(end(&json!(i64::MAX)), Some(Timestamp::MAX));
        assert_eq!((end(&json!("never")), end(&json!(i64::MIN))), (None, None));
        assert_eq!(end(&json!(1_764_000_000.25)), Timestamp::from_millisecond(1_764_000_000_250).ok());
    }
}
