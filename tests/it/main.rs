//! Everything that needs a real part: Active Directory, PostgreSQL, a browser. Run by scripts/test, which starts them.

mod browser;
mod check_command;
mod environment;
mod faults;
mod forms;
mod guard;
mod idp;
mod journey;
mod layers;
mod oidc;
mod oidc_forge;
mod others;
mod page_check;
mod people;
mod process;
mod provider_journey;
mod provider_reset;
mod proxy;
mod registers;
mod reset;
mod saml;
mod sealed;
mod service;
mod staff;
mod store;
mod visitor;
