//! Data types of Active Directory.

pub mod dn;
pub mod filetime;
pub mod guid;
pub mod password_version;
pub mod sid;
