//! `[site]`: the municipality, its contact and its texts.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::problem::Problems;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Da,
    En,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Da, Self::En];

    /// BCP 47 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Da => "da",
            Self::En => "en",
        }
    }
}

/// A text in Danish and optionally in English.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Text {
    pub da: String,
    /// `None` = the Danish text is shown.
    pub en: Option<String>,
}

impl Text {
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Da => &self.da,
            Language::En => self.en.as_deref().unwrap_or(&self.da),
        }
    }
}

/// `[site]`.
#[derive(Debug, Clone)]
pub struct Site {
    /// Name of the municipality.
    pub name: String,
    /// An SVG or PNG of at most 64 KiB.
    pub logo: Option<Logo>,
    /// The language for visitors whose browser requests neither.
    pub default_language: Language,
    /// Contact of the service desk.
    pub contact: Text,
    /// Link to the service desk.
    pub contact_url: Option<String>,
    /// Link to the privacy statement.
    pub privacy_url: Option<String>,
    /// Link to the accessibility statement (Webtilgængelighedsloven).
    pub accessibility_url: Option<String>,
    /// Instructions for computer and phone after a change.
    pub after_change: Text,
}

/// An image, read at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/svg+xml` or `image/png`.
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

const LARGEST_LOGO: usize = 64 * 1024;

#[derive(Deserialize)]
pub(super) struct Raw {
    name: Option<String>,
    logo_file: Option<PathBuf>,
    #[serde(default)]
    default_language: Language,
    contact: Option<Text>,
    contact_url: Option<String>,
    privacy_url: Option<String>,
    accessibility_url: Option<String>,
    after_change: Option<Text>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Site> {
        let before = problems.0.len();
        let name = problems.required("site.name", self.name);
        let contact = problems.required("site.contact", self.contact);
        if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            problems.add("site.name", "is empty");
        }
        let links = [
            ("site.contact_url", &self.contact_url),
            ("site.privacy_url", &self.privacy_url),
            ("site.accessibility_url", &self.accessibility_url),
        ];
        for (key, link) in links {
            let schemes: &[&str] = if key == "site.contact_url" { &["https://", "mailto:", "tel:"] } else { &["https://"] };
            if link.as_ref().is_some_and(|link| !schemes.iter().any(|s| link.starts_with(s)) || link.chars().any(char::is_whitespace)) {
                problems.add(key, format!("has to begin with {}", schemes.join(" or ")));
            }
        }
        let logo = self.logo_file.and_then(|file| {
            let media_type = match file.extension().and_then(|e| e.to_str()) {
                Some("svg") => "image/svg+xml",
                Some("png") => "image/png",
                _ => {
                    problems.add("site.logo_file", "has to be an .svg or a .png");
                    return None;
                }
            };
            match std::fs::read(&file) {
                Ok(bytes) if bytes.len() <= LARGEST_LOGO => Some(Logo { media_type, bytes }),
                Ok(_) => {
                    problems.add("site.logo_file", "is larger than 64 KiB");
                    None
                }
                Err(error) => {
                    problems.add("site.logo_file", format!("{}: can't be read: {error}", file.display()));
                    None
                }
            }
        });
        let (name, contact) = (name?, contact?);
        (problems.0.len() == before).then(|| Site {
            name,
            logo,
            default_language: self.default_language,
            contact,
            contact_url: self.contact_url,
            privacy_url: self.privacy_url,
            accessibility_url: self.accessibility_url,
            after_change: self.after_change.unwrap_or_else(after_change),
        })
    }
}

fn after_change() -> Text {
    Text {
        da: "Computer: Er du hjemme, så forbind først med VPN. Lås computeren (Windows-tasten + L), og lås den op med den nye adgangskode. Kan du ikke \
             bruge VPN, så virker den gamle adgangskode på computeren, til du er på kommunens netværk igen.\n\
             Telefon og tablet: Skriv den nye adgangskode, når mail og kalender spørger om den.\n\
             Wi-Fi: Glem kommunens trådløse netværk på dine enheder, og log på igen med den nye adgangskode."
            .to_owned(),
        en: Some(
            "Computer: At home, connect with VPN first. Lock the computer (Windows key + L) and unlock it with the new password. Without VPN, the old \
             password works on the computer until you are on the municipality's network again.\n\
             Phone and tablet: Type the new password when mail and calendar ask for it.\n\
             Wi-Fi: Forget the municipality's wireless network on your devices, and log in again with the new password."
                .to_owned(),
        ),
    }
}
