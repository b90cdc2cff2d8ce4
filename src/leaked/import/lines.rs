//! Reads lines of the download: a digest or the rest of one in hexadecimal, a colon, a count.
//!
//! Invariants: no more than one buffer is in memory, however long a line is; an error names the line's number and never what it holds.

use std::io::{self, Read};

use crate::leaked::digest::HashKind;

/// Bytes that are read at once.
const CHUNK: usize = 1024 * 1024;
/// Bytes of the longest line that is taken: 40 digits, a colon, a count and blanks.
const LONGEST: usize = 128;
/// What some programs put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A line that is not blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceEntry {
    /// The digest; an NT hash fills the first 16 bytes.
    pub(crate) digest: [u8; 20],
    /// How often it was seen; 1 where the list has no count. 0 is padding.
    pub(crate) count: u64,
    /// Where its line begins, bytes of the uncompressed text.
    pub(crate) offset: u64,
}

/// Why a source can't be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No digest, no count, or too long.
    #[error("is not a hash and a count")]
    Malformed,
}

/// The lines of one text.
pub(crate) struct SourceLines<R> {
    reader: R,
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
    ended: bool,
    /// Where `begin` stands in the text.
    offset: u64,
    /// Number of the line that was read last, from 1.
    pub(crate) number: u64,
    /// The digits that the name of a range file stands for; they are before every line's own.
    prefix: Vec<u8>,
    kind: Option<HashKind>,
}

impl<R: Read> SourceLines<R> {
    /// Reads a text from its beginning. `prefix`: hexadecimal digits that every line leaves out.
    pub(crate) fn new(reader: R, prefix: &str, kind: Option<HashKind>) -> Self {
        let buffer = vec![0; CHUNK].into_boxed_slice();
        Self { reader, buffer, begin: 0, end: 0, ended: false, offset: 0, number: 0, prefix: prefix.as_bytes().to_vec(), kind }
    }

    /// The reader stands at this byte of the text, behind so many lines.
    pub(crate) fn at(self, offset: u64, number: u64) -> Self {
        Self { offset, number, ..self }
    }

    /// The same buffer for another text.
    pub(crate) fn next_text(self, reader: R, prefix: &str) -> Self {
        Self { reader, begin: 0, end: 0, ended: false, offset: 0, number: 0, prefix: prefix.as_bytes().to_vec(), ..self }
    }

    /// Which kind of digest the lines hold, once one was read.
    pub(crate) fn kind(&self) -> Option<HashKind> {
        self.kind
    }

    /// The next entry; `None` at the end.
    pub(crate) fn entry(&mut self) -> Result<Option<SourceEntry>, LineError> {
        loop {
            if self.end - self.begin < LONGEST && !self.ended {
                self.fill()?;
            }
            let rest = &self.buffer[self.begin..self.end];
            if rest.is_empty() {
                return Ok(None);
            }
            let window = &rest[..rest.len().min(LONGEST)];
            let (length, whole) = match memchr::memchr(b'\n', window) {
                Some(at) => (at, at + 1),
                None if self.ended && rest.len() <= LONGEST => (rest.len(), rest.len()),
                None => return Err(LineError::Malformed),
            };
            let (mut line, offset) = (&window[..length], self.offset);
            if offset == 0 {
                line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
            }
            let line = line.trim_ascii_end();
            self.number += 1;
            let read = if line.is_empty() { None } else { Some(parse(line, &self.prefix, self.kind).ok_or(LineError::Malformed)?) };
            self.begin += whole;
            self.offset += whole as u64;
            if let Some((digest, count, kind)) = read {
                self.kind = Some(kind);
                return Ok(Some(SourceEntry { digest, count, offset }));
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        while self.end < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// `None`: no digest of this kind (of any kind where none is known yet), or no count.
fn parse(line: &[u8], prefix: &[u8], kind: Option<HashKind>) -> Option<([u8; 20], u64, HashKind)> {
    // The place of the colon is known once the kind is: nothing is searched for then.
    let digits = match kind {
        Some(kind) => kind.digits() - prefix.len(),
        None => memchr::memchr(b':', line).unwrap_or(line.len()),
    };
    let kind = kind.or_else(|| HashKind::of_digits(digits + prefix.len()))?;
    let (hex, rest) = line.split_at_checked(digits)?;
    let mut digest = [0; 20];
    if prefix.is_empty() {
        let bytes = &mut digest[..digits / 2];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_chunks::<2>().0) {
            *byte = pair_value(pair[0], pair[1])?;
        }
    } else {
        let mut all = prefix.iter().chain(hex);
        for byte in &mut digest[..kind.digits() / 2] {
            *byte = pair_value(*all.next()?, *all.next()?)?;
        }
    }
    let count = match rest.split_first() {
        None => 1,
        Some((b':', count)) => number(count)?,
        Some(_) => return None,
    };
    Some((digest, count, kind))
}

/// A whole number of at most 18 digits.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if !(1..=18).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

/// The value of each byte as a hexadecimal digit; 255 = it is none.
const DIGITS: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
        values[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};

fn pair_value(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (DIGITS[usize::from(high)], DIGITS[usize::from(low)]);
    if high | low > 15 { None } else { Some(high << 4 | low) }
}

/// The value of one hexadecimal digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    Some(DIGITS[usize::from(byte)]).filter(|value| *value < 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn read(text: &str, prefix: &str) -> Result<Vec<(u8, u64, u64)>, String> {
        let mut lines = SourceLines::new(text.as_bytes(), prefix, None);
        let mut read = Vec::new();
        loop {
            match lines.entry() {
                Ok(Some(entry)) => read.push((entry.digest[0], entry.count, entry.offset)),
                Ok(None) => return Ok(read),
                Err(error) => return Err(format!("line {} {error}", lines.number)),
            }
        }
    }

    #[test]
    fn every_spelling_of_the_download_is_read() {
        let lower = SHA1.to_lowercase();
        let expected = Ok(vec![(0x5b, 9_659_365, 0)]);
        assert_eq!(read(&format!("{SHA1}:9659365"), ""), expected);
        assert_eq!(read(&format!("{lower}:9659365\r\n\r\n"), ""), expected);
        assert_eq!(read(&format!("\u{feff}{SHA1}:9659365\n"), ""), expected);
        assert_eq!(read(&format!("{}:9659365", &SHA1[5..]), "5BAA6"), expected);
        assert_eq!(read(SHA1, ""), Ok(vec![(0x5b, 1, 0)]));
        assert_eq!(
            read("8846F7EAEE8FB117AD06BDD830B7586C:3 \nFFFFF7EAEE8FB117AD06BDD830B7586C:4", ""),
            Ok(vec![(0x88, 3, 0), (0xff, 4, 36)])
        );
        assert_eq!(read("", ""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_hash_and_count_is_refused_by_its_line() {
        for (text, line) in [
            ("PK\u{3}\u{4}".to_owned(), 1),
            ("<!doctype html>".to_owned(), 1),
            (format!("{SHA1}:\n"), 1),
            (format!("{SHA1}:1x\n"), 1),
            (format!("{SHA1};1\n"), 1),
            (format!("{SHA1}:-1\n"), 1),
            (format!("{SHA1}:1234567890123456789\n"), 1),
            (format!("{SHA1}:1\n{}", &SHA1[..30]), 2),
            (format!("{SHA1}:1\n8846F7EAEE8FB117AD06BDD830B7586C:3\n"), 2),
            (format!("{SHA1}:1\n\n{}G:3\n", &SHA1[..39]), 3),
            (format!("{SHA1}:1{}", " ".repeat(200)), 0),
            ("5".repeat(3_000_000), 0),
        ] {
            let error = read(&text, "").expect_err("refused");
            assert_eq!(error, format!("line {line} is not a hash and a count"));
        }
    }
}
