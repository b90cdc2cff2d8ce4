//! Assurance levels of logins.

use serde::{Deserialize, Serialize};

/// NSIS level of assurance (NSIS 2.0.2a, section 3): the lowest of identity, authentication and federation. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssuranceLevel {
    /// The login gave no level.
    #[default]
    None,
    /// Lav.
    Low,
    /// Betydelig.
    Substantial,
    /// Høj.
    High,
}

impl AssuranceLevel {
    /// Lowest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Low, Self::Substantial, Self::High];

    /// The stable code in the store and in the configuration.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Substantial => "substantial",
            Self::High => "high",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.code() == code)
    }

    /// Reads the value of the attribute `https://data.gov.dk/concept/core/nsis/loa`, as a short word or a whole URL. The spelling has to be
    /// exactly that of the profile (OIOSAML 3.0.3, section 6.3).
    pub fn from_nsis(value: &str) -> Option<Self> {
        match value.strip_prefix("https://data.gov.dk/concept/core/nsis/loa/").unwrap_or(value) {
            "Low" => Some(Self::Low),
            "Substantial" => Some(Self::Substantial),
            "High" => Some(Self::High),
            _ => None,
        }
    }

    /// The value in the profile's spelling; `None` for [`AssuranceLevel::None`].
    pub fn nsis(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Low => Some("Low"),
            Self::Substantial => Some("Substantial"),
            Self::High => Some("High"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::identity::level::*;

    #[test]
    fn levels_are_ordered_and_every_word_comes_back() {
        assert!(AssuranceLevel::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for level in AssuranceLevel::ALL {
            assert_eq!(AssuranceLevel::from_code(level.code()), Some(level));
            assert_eq!(level.nsis().and_then(AssuranceLevel::from_nsis).unwrap_or_default(), level);
        }
    }

    #[test]
    fn only_the_profiles_own_words_are_levels() {
        assert_eq!(AssuranceLevel::from_nsis("https://data.gov.dk/concept/core/nsis/loa/High"), Some(AssuranceLevel::High));
        for value in ["", "high", "HIGH", "4", "Substantial ", "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"] {
            assert_eq!(AssuranceLevel::from_nsis(value), None, "{value:?}");
        }
    }
}
