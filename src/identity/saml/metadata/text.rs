//! Normalisation of metadata, which unlike messages may be UTF-16 and contain comments, CDATA sections and stylesheets.

use std::borrow::Cow;

use super::super::{Refused, xml::canonical::push_content};
use crate::operator_file;

/// The document in UTF-8, without declaration, comments and processing instructions, and with CDATA sections as text.
///
/// A signature stays valid, because canonical XML has neither comments nor CDATA; only a processing instruction inside signed metadata
/// breaks it. A DTD remains and is refused later.
pub(super) fn plain(bytes: &[u8]) -> Result<String, Refused> {
    let text = decoded(bytes).ok_or(Refused::NotUtf8)?;
    let mut rest = &*text;
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('<') {
        let (before, markup) = rest.split_at(at);
        out.push_str(before);
        let part = |begin: &str, end: &str| -> Option<Result<(&str, &str), Refused>> {
            Some(markup.strip_prefix(begin)?.split_once(end).ok_or(Refused::NotXml))
        };
        rest = if let Some(comment) = part("<!--", "-->") {
            comment?.1
        } else if let Some(instruction) = part("<?", "?>") {
            instruction?.1
        } else if let Some(section) = part("<![CDATA[", "]]>") {
            let (content, after) = section?;
            push_content(&mut out, content);
            after
        } else {
            out.push('<');
            &markup[1..]
        };
    }
    out.push_str(rest);
    Ok(out)
}

/// Decodes by byte order mark, by the first character, which is `<` (XML 1.0, appendix F), or by the declaration.
fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        [b'<', 0, ..] => operator_file::wide(bytes, u16::from_le_bytes),
        [0, b'<', ..] => operator_file::wide(bytes, u16::from_be_bytes),
        _ if is_latin(bytes) => Some(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into()),
        _ => operator_file::decoded(bytes),
    }
}

/// Whether the declaration names ISO 8859-1, the only other encoding that was seen.
fn is_latin(bytes: &[u8]) -> bool {
    let declaration = bytes.strip_prefix(b"<?xml").and_then(|rest| rest.split(|byte| *byte == b'>').next()).unwrap_or_default();
    declaration.to_ascii_lowercase().windows(10).any(|word| word == b"iso-8859-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_document_is_one_text() {
        let wanted = "\n<a b=\"\u{e6}\">x &lt;y&gt; z</a>\n";
        let written = "<?xml version=\"1.0\"?>\n<?xml-stylesheet href='a.xsl'?><!-- <b> -->\
                       <a b=\"\u{e6}\">x <![CDATA[<y>]]><?pi > ?> z</a>\n";
        let wide = |unit: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let marked = format!("\u{feff}{written}");
        let latin: Vec<u8> =
            written.replacen("?>", " encoding='ISO-8859-1'?>", 1).chars().map(|c| u8::try_from(c).expect("Latin")).collect();
        for bytes in [
            written.as_bytes().to_vec(),
            marked.as_bytes().to_vec(),
            wide(u16::to_le_bytes, &marked),
            wide(u16::to_be_bytes, &marked),
            wide(u16::to_le_bytes, written),
            wide(u16::to_be_bytes, written),
            latin,
        ] {
            assert_eq!(plain(&bytes).as_deref(), Ok(wanted), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_text_is_refused() {
        for (bytes, reason) in [
            (&b"<a><!-- x"[..], Refused::NotXml),
            (b"<a><![CDATA[ x", Refused::NotXml),
            (b"<?xml ", Refused::NotXml),
            (b"<a>\xe6</a>", Refused::NotUtf8),
            (b"<\0a\0>", Refused::NotUtf8),
            (b"\xff\xfe\0\xd8", Refused::NotUtf8),
        ] {
            assert_eq!(plain(bytes), Err(reason), "{bytes:?}");
        }
        assert_eq!(plain(b"<!DOCTYPE a><a/>").as_deref(), Ok("<!DOCTYPE a><a/>"), "left to be refused");
    }
}
