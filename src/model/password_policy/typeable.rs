//! Characters that cannot be typed at a logon screen.

use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

const JOINER: char = '\u{200D}';
const BLACK_FLAG: char = '\u{1F3F4}';

/// The first character that no keyboard types at the logon screen; with it the owner could never log on. These are control and format
/// characters (zero-width marks, soft hyphen, direction marks), private use, line and paragraph separators, and every blank but the space.
/// Emoji keep their joiners: the zero-width joiner between two emoji, and the tags after a black flag.
pub(crate) fn first_untypeable(text: &str) -> Option<char> {
    let mut before: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let joins_emoji = chars.peek().copied().is_some_and(in_emoji) && c == JOINER && before.is_some_and(in_emoji);
        let tags_a_flag = is_tag(c) && before.is_some_and(|before| before == BLACK_FLAG || is_tag(before));
        if never_typed(c) && !joins_emoji && !tags_a_flag {
            return Some(c);
        }
        before = Some(c);
    }
    None
}

fn never_typed(c: char) -> bool {
    c != ' '
        && matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::SpaceSeparator
        )
}

/// A pictograph, a skin tone, or the selector for coloured display. ASCII digits, which Unicode counts as emoji, are excluded: nothing is
/// joined to them.
fn in_emoji(c: char) -> bool {
    c == '\u{FE0F}' || (!c.is_ascii() && c.is_emoji_char_or_emoji_component())
}

fn is_tag(c: char) -> bool {
    ('\u{E0020}'..='\u{E007F}').contains(&c)
}

#[cfg(test)]
mod tests {
    use crate::model::password_policy::typeable::*;

    #[test]
    fn what_cannot_be_typed_is_named() {
        for c in [
            '\t',
            '\n',
            '\r',
            '\u{7}',
            '\u{7F}',
            '\u{85}',
            '\u{A0}',
            '\u{AD}',
            '\u{61C}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{200E}',
            '\u{2003}',
            '\u{2028}',
            '\u{2029}',
            '\u{202E}',
            '\u{202F}',
            '\u{2060}',
            '\u{2069}',
            '\u{3000}',
            '\u{E000}',
            '\u{FEFF}',
            '\u{FFF9}',
            '\u{E0061}',
            '\u{F0000}',
        ] {
            assert_eq!(first_untypeable(&format!("Hest{c}Bord")), Some(c), "{c:?}");
        }
    }

    #[test]
    fn what_a_keyboard_types_is_taken() {
        for text in [
            "Hest bord 12!",
            "æøåÆØÅ",
            "e\u{301}",
            "漢字",
            "עברית",
            "€£§½¤",
            "😀",
            "👩\u{200D}🔧",
            "👩🏽\u{200D}🔧",
            "❤\u{FE0F}",
            "👨\u{200D}👩\u{200D}👧",
            "1\u{FE0F}\u{20E3}",
            "🇩🇰",
            "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
        ] {
            assert_eq!(first_untypeable(text), None, "{text}");
        }
    }

    #[test]
    fn a_joiner_joins_emoji_only() {
        for text in ["a\u{200D}b", "👩\u{200D}", "\u{200D}👩", "1\u{200D}2", "👩\u{200D}x"] {
            assert_eq!(first_untypeable(text), Some(JOINER), "{text:?}");
        }
    }
}
