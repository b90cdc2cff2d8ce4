//! Syslog messages of RFC 5424, framed by octet counting (RFC 6587, RFC 5425): length in octets, a space, the message.

use crate::forward::{ForwardMessage, Severity};

/// Security/authorization messages, private (RFC 5424, table 1: 10).
const FACILITY: u8 = 10;

/// The framed message. It is one line, because the body is JSON, which escapes control characters.
pub(crate) fn frame(parcel: &ForwardMessage, hostname: &str) -> String {
    let severity: u8 = match parcel.severity {
        Severity::Alert => 1,
        Severity::Warning => 4,
        Severity::Notice => 5,
        Severity::Informational => 6,
    };
    let at = parcel.at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
    let name = printable(&parcel.name, 32);
    let message = format!("<{}>1 {at} {hostname} os2nykode - {name} - {}", FACILITY * 8 + severity, parcel.body);
    format!("{} {message}", message.len())
}

/// The PRINTUSASCII characters of RFC 5424, at most this many; `-` if none is left.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::forward::framing::*;

    #[test]
    fn a_frame_counts_octets_and_its_head_is_plain() {
        let at = Timestamp::from_microsecond(1_800_000_000_000_001).expect("in range");
        let body = "{\"name\":\"Ærø\"}".to_owned();
        let parcel = ForwardMessage { number: 7, at, name: "sign_in".to_owned(), severity: Severity::Notice, body };
        let message = "<85>1 2027-01-15T08:00:00.000001Z nykode.kommune.dk os2nykode - sign_in - {\"name\":\"Ærø\"}";
        assert_eq!(frame(&parcel, "nykode.kommune.dk"), format!("{} {message}", message.len()));
        assert_eq!(message.len(), message.chars().count() + 2, "octets and not characters");
        let forged = ForwardMessage { name: "x - - \n<0>1 æ".to_owned(), severity: Severity::Alert, ..parcel };
        assert!(frame(&forged, "h").contains(" h os2nykode - x--<0>1 - {"), "{}", frame(&forged, "h"));
    }
}
