//! STUB
use secrecy::SecretString;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
#[derive(Debug)]
pub struct Config {
    pub directory: Directory,
    pub login: Login,
    pub throttle: Throttle,
    pub policy: Policy,
    pub server: Server,
    pub store: Store,
    pub session: Session,
}
#[derive(Debug)]
pub struct Session {
    pub idle_minutes: u32,
    pub absolute_minutes: u32,
}
#[derive(Debug)]
pub struct Store {
    pub url: SecretString,
}
#[derive(Debug)]
pub struct Server {
    pub secret: Secret,
    pub listen: SocketAddr,
}
#[derive(Debug)]
pub struct Secret([u8; 32]);
impl Secret {
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
#[derive(Debug)]
pub struct Throttle {
    pub name: crate::model::throttle::Limits,
    pub address: crate::model::throttle::Limits,
}
#[derive(Debug)]
pub struct Login {
    pub ad_password: AdPassword,
}
#[derive(Debug)]
pub struct AdPassword {
    pub lockout_reserve: u32,
    pub answer_after_ms: u64,
}
#[derive(Debug)]
pub struct Policy {
    pub default: Rules,
    pub groups: Vec<GroupRules>,
}
#[derive(Debug)]
pub struct Rules;
impl Rules {
    pub fn policy(&self) -> crate::model::policy::PasswordPolicy {
        Default::default()
    }
}
#[derive(Debug)]
pub struct GroupRules {
    pub group: String,
    pub rules: Rules,
}
#[derive(Debug)]
pub struct Directory {
    pub controllers: Vec<Controller>,
    pub ca_file: Option<PathBuf>,
    pub base_dn: String,
    pub search_bases: Vec<String>,
    pub netbios_domain: Option<String>,
    pub bind_user: String,
    pub bind_password: SecretString,
    pub timeout: Duration,
    pub write_timeout: Duration,
    pub pool_size: usize,
    pub retry_after_seconds: u64,
}
#[derive(Debug)]
pub struct Controller {
    pub name: String,
    pub address: Option<String>,
    pub port: Option<u16>,
    pub transport: Transport,
}
#[derive(Debug, Clone, Copy)]
pub enum Transport {
    Ldaps,
    StartTls,
}
