//! Reading the configuration: the file, the environment, secrets.

pub(crate) mod database_url;
pub(crate) mod dn;
pub(crate) mod load;
pub(crate) mod secret;
pub(crate) mod suggest;
