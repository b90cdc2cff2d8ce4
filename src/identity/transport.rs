//! How a message of ours travels through the browser to a provider.

/// A message on its way.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
    /// An address to go to.
    Redirect(String),
    /// A form to send.
    Form {
        /// Where to.
        action: String,
        /// Names and values of its fields.
        fields: Vec<(&'static str, String)>,
    },
}

impl std::fmt::Debug for Transport {
    /// Not what is in it: it may hold a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Redirect(_) => f.write_str("Redirect(…)"),
            Self::Form { action, .. } => write!(f, "Form({action}, …)"),
        }
    }
}
