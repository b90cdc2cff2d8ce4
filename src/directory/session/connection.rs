//! An LDAP connection inside TLS.
//!
//! Invariant: after an error or a timeout the connection is broken and is never used again.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Mod, Scope, SearchEntry, SearchOptions, SearchResult, StdStream,
    controls::{ControlType, PagedResults, RawControl},
};
use metrics::counter;
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::directory::{
    DirectoryError, ServiceAccount,
    password::answer,
    session::{entry::LdapEntry, root_dse::RootDse},
};
use crate::{
    config::{self, TlsStart},
    tcp,
};

/// Page size, objects: AD's default maximum (MaxPageSize).
const PAGE: i32 = 1000;
/// Maximum values of an attribute. More point to a mistake or a controller that repeats itself.
const MOST_VALUES: usize = 200_000;

/// Address, transport and timeouts of a controller.
#[derive(Debug, Clone)]
pub struct ControllerEndpoint {
    /// Name on its certificate.
    pub name: String,
    /// Host to connect to.
    pub host: String,
    pub port: u16,
    starttls: bool,
    timeout: Duration,
    write_timeout: Duration,
    bind_timeout: Duration,
    tls: Arc<ClientConfig>,
}

impl ControllerEndpoint {
    /// From the configuration. The default port is 636, or 389 with StartTLS.
    pub fn new(controller: &config::ControllerConfig, directory: &config::DirectoryConfig, tls: Arc<ClientConfig>) -> Self {
        let (starttls, port) = match controller.transport {
            TlsStart::Ldaps => (false, 636),
            TlsStart::StartTls => (true, 389),
        };
        Self {
            name: controller.name.clone(),
            host: controller.address.clone().unwrap_or_else(|| controller.name.clone()),
            port: controller.port.unwrap_or(port),
            starttls,
            timeout: directory.timeout,
            write_timeout: directory.write_timeout,
            bind_timeout: directory.bind_timeout,
            tls,
        }
    }

    /// StartTLS on the LDAP port instead of LDAPS.
    pub fn starttls(&self) -> bool {
        self.starttls
    }

    /// Timeout of connecting and of one read.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Timeout of one write.
    pub fn write_timeout(&self) -> Duration {
        self.write_timeout
    }

    /// Timeout of TCP and TLS. It is shorter than [`Self::timeout`]: a healthy controller accepts connections at once, even where it checks
    /// passwords slowly.
    pub fn connect_timeout(&self) -> Duration {
        self.timeout * 3 / 4
    }

    /// Timeout of a person's bind.
    pub fn bind_timeout(&self) -> Duration {
        self.bind_timeout
    }

    /// Opens a TCP connection without Nagle's algorithm, with which a bind takes 52 ms instead of 9 (measured).
    pub async fn tcp(&self) -> std::io::Result<TcpStream> {
        let stream = tcp::connect(&self.host, self.port).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Result of a search.
#[derive(Debug)]
struct SearchPage {
    entries: Vec<LdapEntry>,
    /// Whether the controller returned all matching objects.
    whole: bool,
}

/// A connection to an authenticated controller. It is not bound yet.
#[derive(Debug)]
pub struct Connection {
    ldap: Ldap,
    broken: Arc<AtomicBool>,
    timeout: Duration,
    write_timeout: Duration,
}

impl Connection {
    /// Connects. On an error only TLS messages have been sent.
    pub async fn open(endpoint: &ControllerEndpoint) -> Result<Self, DirectoryError> {
        tokio::time::timeout(endpoint.connect_timeout(), Self::connect(endpoint)).await.map_err(|_| DirectoryError::TimedOut)?
    }

    async fn connect(endpoint: &ControllerEndpoint) -> Result<Self, DirectoryError> {
        let unreachable = |e: &dyn std::fmt::Display| DirectoryError::Unreachable(e.to_string());
        let stream = endpoint.tcp().await.and_then(TcpStream::into_std).map_err(|e| unreachable(&e))?;
        let settings =
            LdapConnSettings::new().set_config(endpoint.tls.clone()).set_starttls(endpoint.starttls).set_std_stream(StdStream::Tcp(stream));
        let scheme = if endpoint.starttls { "ldap" } else { "ldaps" };
        let url = format!("{scheme}://{}:{}", endpoint.name, endpoint.port);
        // Runs in its own task, because the library panics on malformed answers.
        let opened = tokio::spawn(async move { LdapConnAsync::with_settings(settings, &url).await });
        let (driver, ldap) = opened
            .await
            .map_err(|_| DirectoryError::ConnectionLost("not LDAP".into()))?
            .map_err(|e| if let LdapError::Io { source } = &e { unreachable(source) } else { e.into() })?;
        tokio::spawn(driver.drive());
        Ok(Self { ldap, broken: Arc::default(), timeout: endpoint.timeout, write_timeout: endpoint.write_timeout })
    }

    /// Connects and binds the service account.
    pub(crate) async fn open_as_service(endpoint: &ControllerEndpoint, account: &ServiceAccount) -> Result<Self, DirectoryError> {
        let mut connection = Self::open(endpoint).await?;
        let (turn, patience) = (account.turn().await?, connection.timeout);
        let mut result = connection.simple_bind(account.user(), turn.password.expose_secret(), patience).await?;
        if result.rc != 0
            && let Some(other) = account.refused(result.rc, &result.text, &turn.password)
        {
            result = connection.simple_bind(account.user(), other.expose_secret(), patience).await?;
            if result.rc != 0 {
                account.refused(result.rc, &result.text, &other);
            }
        }
        if result.rc != 0 {
            return Err(DirectoryError::ServiceBind(answer::readable(&result.text)));
        }
        account.accepted();
        Ok(connection)
    }

    /// Excludes the connection from further use, because a person's bind has replaced the service account's.
    pub(crate) fn retire(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Whether the connection is open and not broken.
    pub(crate) fn is_usable(&mut self) -> bool {
        !self.broken.load(Ordering::Acquire) && !self.ldap.is_closed()
    }

    /// A simple bind. An empty password would be an anonymous bind; [`crate::model::credential::password::Password`] and the configuration exclude it
    /// too.
    pub(crate) async fn simple_bind(&mut self, user: &str, password: &str, patience: Duration) -> Result<LdapResult, DirectoryError> {
        if password.is_empty() {
            return Err(DirectoryError::ServiceBind("an empty password would be an anonymous bind".into()));
        }
        let (user, password) = (user.to_owned(), zeroize::Zeroizing::new(password.to_owned()));
        self.run("bind", patience, move |mut ldap| async move { ldap.simple_bind(&user, &password).await }).await
    }

    /// Reads one object; `None` if it does not exist or does not match the filter.
    pub(crate) async fn read_object(
        &mut self,
        dn: &str,
        filter: &str,
        attributes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Option<LdapEntry>, DirectoryError> {
        let mut found = self.search(dn, Scope::Base, filter, attributes).await?;
        Ok(found.pop())
    }

    /// All values of an attribute as text, in ranges of the controller's MaxValRange (MS-ADTS 3.1.1.3.1.3.3). A missing object has none.
    pub(crate) async fn all_values(&mut self, dn: &str, attribute: &'static str) -> Result<Vec<String>, DirectoryError> {
        let mut values: Vec<String> = Vec::new();
        loop {
            let asked = format!("{attribute};range={}-*", values.len());
            let Some(entry) = self.read_object(dn, "(objectClass=*)", [asked]).await? else { return Ok(values) };
            let Some((more, found)) = entry.range(attribute) else { return Ok(values) };
            let before = values.len();
            values.extend(found.iter().filter_map(|value| String::from_utf8(value.clone()).ok()));
            // An empty range would loop for ever, and a value that is not text would shift the next range.
            if values.len() > MOST_VALUES {
                return Err(DirectoryError::TooMany(attribute.to_owned()));
            }
            if values.len() - before != found.len() || (more && found.is_empty()) {
                return Err(DirectoryError::Unreadable(attribute));
            }
            if !more {
                return Ok(values);
            }
        }
    }

    /// [`Self::read_object`] with a control.
    pub(crate) async fn read_object_with(
        &mut self,
        dn: &str,
        attributes: impl IntoIterator<Item = impl AsRef<str>>,
        control: RawControl,
    ) -> Result<Option<LdapEntry>, DirectoryError> {
        let prepare = move |ldap: &mut Ldap| {
            ldap.with_controls(control);
        };
        let mut found = self.search_prepared(dn, Scope::Base, "(objectClass=*)", attributes, prepare, self.timeout).await?;
        Ok(found.entries.pop())
    }

    /// Searches a subtree or one object. A missing object (32) yields no entries. A result beyond the controller's limit (4,
    /// sizeLimitExceeded) is read in pages.
    pub(crate) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Vec<LdapEntry>, DirectoryError> {
        let attributes: Vec<String> = attributes.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let found = self.search_prepared(base, scope, filter, &attributes, |_| (), self.timeout).await?;
        if found.whole {
            return Ok(found.entries);
        }
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        self.search_paged(base, scope, filter, &attributes, MOST_VALUES).await
    }

    /// Timeout of one read.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Searches a subtree for at most `limit` objects; the rest (4, sizeLimitExceeded) is ignored. `patience`: a longer timeout for an
    /// attribute without an index.
    pub(crate) async fn search_some(
        &mut self,
        base: &str,
        filter: &str,
        attributes: impl IntoIterator<Item = impl AsRef<str>>,
        limit: i32,
        patience: Duration,
    ) -> Result<Vec<LdapEntry>, DirectoryError> {
        let prepare = move |ldap: &mut Ldap| {
            ldap.with_search_options(SearchOptions::new().sizelimit(limit));
        };
        Ok(self.search_prepared(base, Scope::Subtree, filter, attributes, prepare, patience).await?.entries)
    }

    /// Searches a subtree in pages of [`PAGE`]. More than `most` objects are an error.
    pub(crate) async fn search_paged(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        most: usize,
    ) -> Result<Vec<LdapEntry>, DirectoryError> {
        let mut all = Vec::new();
        let mut cookie = Vec::new();
        loop {
            let (base, filter, asked) = (base.to_owned(), filter.to_owned(), cookie);
            let attributes: Vec<String> = attributes.iter().map(|name| (*name).to_owned()).collect();
            let page = self.run("search", self.timeout, move |mut ldap| async move {
                ldap.with_controls(RawControl::from(PagedResults { size: PAGE, cookie: asked }));
                let SearchResult(found, result) = ldap.search(&base, scope, &filter, attributes).await?;
                match result.rc {
                    0 => {
                        let next = result.ctrls.iter().find(|control| matches!(control.0, Some(ControlType::PagedResults)));
                        let cookie = next.map(|control| control.1.parse::<PagedResults>().cookie).unwrap_or_default();
                        Ok((found.into_iter().map(|entry| LdapEntry::from(SearchEntry::construct(entry))).collect::<Vec<_>>(), cookie))
                    }
                    32 => Ok((Vec::new(), Vec::new())),
                    _ => Err(LdapError::LdapResult { result }),
                }
            });
            let (found, next) = page.await?;
            all.extend(found);
            if all.len() > most {
                return Err(DirectoryError::TooMany("objectClass".to_owned()));
            }
            if next.is_empty() {
                return Ok(all);
            }
            cookie = next;
        }
    }

    async fn search_prepared(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: impl IntoIterator<Item = impl AsRef<str>>,
        prepare: impl FnOnce(&mut Ldap) + Send + 'static,
        patience: Duration,
    ) -> Result<SearchPage, DirectoryError> {
        let (base, filter) = (base.to_owned(), filter.to_owned());
        let attributes: Vec<String> = attributes.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.run("search", patience, move |mut ldap| async move {
            prepare(&mut ldap);
            let SearchResult(found, result) = ldap.search(&base, scope, &filter, attributes).await?;
            match result.rc {
                0 | 4 | 32 => {
                    let entries = found.into_iter().map(|e| LdapEntry::from(SearchEntry::construct(e))).collect();
                    Ok(SearchPage { entries, whole: result.rc != 4 })
                }
                _ => Err(LdapError::LdapResult { result }),
            }
        })
        .await
    }

    /// Modifies one object. After any error but [`DirectoryError::Answer`] it is unknown whether the write was done.
    pub(crate) async fn modify(
        &mut self,
        dn: &str,
        changes: Vec<Mod<Vec<u8>>>,
        control: Option<RawControl>,
    ) -> Result<LdapResult, DirectoryError> {
        let dn = dn.to_owned();
        let result = self
            .run("modify", self.write_timeout, move |mut ldap| async move {
                if let Some(control) = control {
                    ldap.with_controls(control);
                }
                ldap.modify(&dn, changes).await
            })
            .await?;
        if answer::forgot_the_login(result.rc, &result.text) {
            self.broken.store(true, Ordering::Release);
        }
        Ok(result)
    }

    /// The controller's rootDSE.
    pub(crate) async fn root_dse(&mut self) -> Result<RootDse, DirectoryError> {
        let entry = self.read_object("", "(objectClass=*)", RootDse::ATTRIBUTES).await?;
        entry.map(|e| RootDse::from_entry(&e)).ok_or(DirectoryError::Unreadable("rootDSE"))
    }

    /// The invocationId of the controller with this settings object (MS-ADTS 6.1.1.2.2.1.2.1.1); `None` if it can't be read.
    pub(crate) async fn invocation_id(&mut self, settings_dn: &str) -> Result<Option<Uuid>, DirectoryError> {
        let entry = self.read_object(settings_dn, "(objectClass=*)", ["invocationId"]).await?;
        Ok(entry.and_then(|entry| Uuid::from_slice_le(entry.bytes("invocationId")?).ok()))
    }

    /// Runs one operation in its own task and within its timeout.
    ///
    /// The task contains the library's panics on messages that are not UTF-8. If the caller is cancelled, the connection stays marked as
    /// broken, because the next answer would belong to the cancelled operation.
    async fn run<T, F>(&mut self, operation: &'static str, timeout: Duration, work: impl FnOnce(Ldap) -> F) -> Result<T, DirectoryError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LdapError>> + Send + 'static,
    {
        counter!("os2nykode_ldap_operations_total", "operation" => operation).increment(1);
        let usable_before = !self.broken.swap(true, Ordering::AcqRel);
        let task = tokio::spawn(work(self.ldap.clone()));
        let stop = task.abort_handle();
        let (outcome, usable) = match tokio::time::timeout(timeout, task).await {
            Ok(Ok(Ok(value))) => (Ok(value), true),
            Ok(Ok(Err(LdapError::LdapResult { result }))) if answer::forgot_the_login(result.rc, &result.text) => {
                (Err(DirectoryError::ConnectionLost(answer::readable(&result.text))), false)
            }
            Ok(Ok(Err(LdapError::LdapResult { result }))) => (Err(answer::answered(result.rc, &result.text)), true),
            Ok(Ok(Err(error))) => (Err(error.into()), false),
            Ok(Err(_panicked)) => (Err(DirectoryError::ConnectionLost("not LDAP".into())), false),
            Err(_) => {
                stop.abort();
                (Err(DirectoryError::TimedOut), false)
            }
        };
        self.broken.store(!(usable && usable_before), Ordering::Release);
        outcome
    }
}

/// An attribute with one value, for `modify`.
pub(crate) fn value(attribute: &str, value: Vec<u8>) -> (Vec<u8>, HashSet<Vec<u8>>) {
    (attribute.as_bytes().to_vec(), HashSet::from([value]))
}
