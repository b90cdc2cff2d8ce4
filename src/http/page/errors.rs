//! Errors of a form, as its page shows them.

/// Errors of a form, in the order in which they are shown.
#[derive(Debug, Default)]
pub struct Errors(Vec<FieldError>);

/// An error of a form.
#[derive(Debug)]
pub struct FieldError {
    /// Id of the field; empty for an error of the form as a whole.
    pub field: &'static str,
    /// The error and its remedy.
    pub text: String,
}

impl Errors {
    pub(crate) fn add(&mut self, field: &'static str, text: String) {
        self.0.push(FieldError { field, text });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }

    /// Whether the field has an error.
    pub fn has(&self, field: &str) -> bool {
        self.of(field).next().is_some()
    }

    /// The field's errors.
    pub fn of(&self, field: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |e| e.field == field).map(|e| e.text.as_str())
    }

    /// Key of the summary's heading: errors that the visitor can correct, or only errors that no other input would change.
    pub fn heading(&self) -> &'static str {
        if self.0.iter().all(|e| e.field.is_empty()) { "error-stopped" } else { "error-summary" }
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a FieldError;
    type IntoIter = std::slice::Iter<'a, FieldError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<(&'static str, String)> for Errors {
    fn from_iter<I: IntoIterator<Item = (&'static str, String)>>(all: I) -> Self {
        Self(all.into_iter().map(|(field, text)| FieldError { field, text }).collect())
    }
}

/// Key of a password field's label.
pub fn label(field: &str) -> &'static str {
    match field {
        "current" => "field-current",
        "new" => "field-new",
        "repeat" => "field-repeat",
        _ => "field-password",
    }
}
