//! Times in SAML messages.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
};

/// Parses an xs:dateTime (XML Schema Part 2, section 3.2.7) with any number of fractional digits and any offset. `None`: malformed.
///
/// Without an offset it is UTC: SAML Core 1.3.3 has all times "in UTC form, with no time zone component". A provider that writes local time
/// without an offset is one or two hours in the future, and is refused. Times beyond the representable range, such as the end of 9999,
/// become the latest one.
pub fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim_matches(super::is_blank);
    let (date, rest) = text.split_once('T')?;
    let (clock, zone) = match rest.find(['Z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let east = offset(zone)?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let [hour, minute, second] = numbers(clock, ':')?;
    let nanosecond = fraction.map_or(Some(0), nanoseconds)?;
    let begins_next_day = (hour, minute, second, nanosecond) == (24, 0, 0, 0); // 24:00 is midnight of the next day
    let time =
        Time::new(if begins_next_day { 0 } else { hour.try_into().ok()? }, minute.try_into().ok()?, second.try_into().ok()?, nanosecond);
    let time = time.ok().filter(|_| second < 60)?;
    let (year, month_and_day) = date.split_once('-')?;
    let [month, day] = numbers(month_and_day, '-')?;
    let year = Some(year).filter(|year| (4..=9).contains(&year.len()) && year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let year: i16 = year.parse().map_or(9999, |year: i32| year.min(9999).try_into().unwrap_or(9999));
    let date = Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let local = DateTime::from_parts(date, time).to_zoned(jiff::tz::TimeZone::UTC).map_or(Timestamp::MAX, |utc| utc.timestamp());
    let day = SignedDuration::from_hours(if begins_next_day { 24 } else { 0 });
    Some(local.saturating_add(day).and_then(|at| at.saturating_sub(east)).unwrap_or(Timestamp::MAX))
}

/// Parses numbers of two digits each.
fn numbers<const N: usize>(text: &str, between: char) -> Option<[u8; N]> {
    let number = |part: &str| part.parse().ok().filter(|_| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let numbers: Vec<u8> = text.split(between).map(number).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Digits after the ninth are ignored.
fn nanoseconds(digits: &str) -> Option<i32> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.chars().chain("000000000".chars()).take(9).collect::<String>().parse().ok()
}

/// Parses `Z`, an empty text, or an offset of up to 14 hours.
fn offset(zone: &str) -> Option<SignedDuration> {
    if matches!(zone, "" | "Z") {
        return Some(SignedDuration::ZERO);
    }
    let (sign, zone) = zone.split_at_checked(1)?;
    let [hours, minutes] = numbers(zone, ':')?;
    let whole = i64::from(hours) * 60 + i64::from(minutes);
    let fits = minutes < 60 && whole <= 14 * 60;
    let east = SignedDuration::from_mins(match sign {
        "+" => whole,
        "-" => -whole,
        _ => return None,
    });
    fits.then_some(east)
}

/// Saturating addition, because a message may contain the year 9999.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_may_be_spelled_in_many_ways() {
        let noon = time("2026-11-23T12:00:00Z");
        assert_eq!(noon.map(Timestamp::as_second), Some(1_795_435_200));
        for text in [
            "2026-11-23T12:00:00",
            "2026-11-23T12:00:00.000Z",
            "2026-11-23T12:00:00.00000000000Z",
            "2026-11-23T12:00:00+00:00",
            "2026-11-23T12:00:00-00:00",
            "2026-11-23T13:00:00+01:00",
            "2026-11-23T13:00:00.0+01:00",
            "2026-11-23T02:30:00-09:30",
            "2026-11-24T02:00:00+14:00",
            " \n2026-11-23T12:00:00Z\t\r\n",
        ] {
            assert_eq!(time(text), noon, "{text}");
        }
        assert_eq!(time("2026-11-22T24:00:00Z"), time("2026-11-23T00:00:00Z"));
        assert_eq!(time("2026-11-23T08:10:00.5Z").map(Timestamp::as_millisecond), Some(1_795_421_400_500));
        assert_eq!(time("2026-11-23T08:10:00.1234567891Z").map(Timestamp::as_nanosecond), Some(1_795_421_400_123_456_789));
    }

    #[test]
    fn the_end_of_time_is_the_last_one_that_can_be_told() {
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z", "9999-12-31T24:00:00-14:00", "12026-01-01T00:00:00Z"] {
            assert!(time(text).is_some_and(|at| at >= "9999-01-01T00:00:00Z".parse().expect("a time")), "{text}");
        }
        assert_eq!(later(Timestamp::MAX, SignedDuration::from_mins(3)), Timestamp::MAX);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2026-11-23",
            "2026-11-23T08:10Z",
            "2026-11-23 08:10:00Z",
            "2026-11-23t08:10:00z",
            "2026-13-23T08:10:00Z",
            "2026-02-30T08:10:00Z",
            "2026-11-23T24:00:01Z",
            "2026-11-23T25:00:00Z",
            "2026-11-23T08:60:00Z",
            "2026-11-23T08:10:60Z",
            "2026-11-23T08:10:00.Z",
            "2026-11-23T08:10:00.5.5Z",
            "2026-11-23T08:10:00+1:00",
            "2026-11-23T08:10:00+0100",
            "2026-11-23T08:10:00+15:00",
            "2026-11-23T08:10:00+01:60",
            "2026-11-23T08:10:00Z[UTC]",
            "2026-11-23T08:10:00ZZ",
            "2026-11-23T+8:10:00Z",
            "-2026-11-23T08:10:00Z",
            "+2026-11-23T08:10:00Z",
            "26-11-23T08:10:00Z",
            "2026-1-23T08:10:00Z",
            "2026-11-23T８:10:00Z",
            "T",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
