//! Transport of our messages to a provider through the browser.

/// A message on its way to a provider.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
    /// Address to redirect to.
    Redirect(String),
    /// Form to submit.
    Form {
        /// Address that receives the form.
        action: String,
        /// Names and values of the fields.
        fields: Vec<(&'static str, String)>,
    },
}

impl std::fmt::Debug for Transport {
    /// Leaves out the content, which may hold a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Redirect(_) => f.write_str("Redirect(…)"),
            Self::Form { action, .. } => write!(f, "Form({action}, …)"),
        }
    }
}
