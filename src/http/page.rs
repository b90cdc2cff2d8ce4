//! The parts that all pages share: frame, extractors of visitors, rendering, error pages.

pub(crate) mod error_pages;
pub(crate) mod errors;
pub(crate) mod failure;
pub(crate) mod frame;
pub(crate) mod outage;
pub(crate) mod problem;
pub(crate) mod render;
pub(crate) mod visitor;

pub(crate) use crate::http::page::{
    error_pages::error_pages,
    failure::PageError,
    render::{MessagePage, page},
    visitor::{AnonymousRequest, AuthenticatedRequest, ErrorPages, PageRequest, person_on_errors},
};
pub use crate::http::page::{
    errors::{Errors, FieldError, label},
    frame::{Frame, Person, ProgressStep},
};
