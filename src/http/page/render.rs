//! Rendering of pages, and the page with a message.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

use crate::http::page::{failure::PageError, frame::Frame};

/// Renders a page. A rendering error becomes an error page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => PageError::new(&error).into_response(),
    }
}

/// A page with a message and a link onwards.
#[derive(Template)]
#[template(path = "pages/notice.html")]
pub(crate) struct MessagePage {
    pub frame: Frame,
    pub title: String,
    pub paragraphs: Vec<String>,
    pub reference: Option<String>,
    /// Address and text of the link; `None` leads to the front page.
    pub way: Option<(String, String)>,
}

impl MessagePage {
    pub(crate) fn new(frame: Frame, title: &str, text: &str) -> Self {
        Self { title: frame.t(title), paragraphs: vec![frame.t(text)], reference: None, way: None, frame }
    }
}
