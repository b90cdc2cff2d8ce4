//! The configured SAML providers: our keys, and their metadata, which is read at start and refreshed in the background.
//!
//! Invariant: a failed refresh keeps the last good copy in use until its own end of validity. Without a good copy, only that provider is
//! unusable.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use jiff::Timestamp;

use super::{
    Refused, logout,
    message::Message,
    metadata::{Metadata, MetadataError},
    response,
    shown::{self, Examined},
    signing_key::SigningKey,
    sp_metadata::OwnAddresses,
    work::{Queue, WorkSlots},
};
use crate::{
    config::{MetadataSource, Saml, SamlProvider},
    identity::{
        answer::LoginAnswer,
        http::{self, HttpClient, HttpSetupError},
        keys::{KeysError, ProviderKeys},
        transport::Transport,
    },
    model::identity::provider::ProviderId,
    operator_file::{self, OperatorFileError},
};

/// Largest metadata, bytes.
const LARGEST: usize = 8 * 1024 * 1024;

/// Maximum logout messages at once, verified or waiting. At a millisecond each, the wait stays unnoticeable.
const LOGOUTS_HERE: usize = 32;

/// Reasons why SAML can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum SamlError {
    #[error("saml.keys_dir: {0}")]
    Keys(#[from] KeysError),
    /// The HTTP client for metadata, or its CA file.
    #[error("saml.ca_file: {0}")]
    Http(#[from] HttpSetupError),
    /// The certificate of a metadata signer is unreadable.
    #[error("{0}: {1}")]
    Certificate(String, OperatorFileError),
    /// The key of that certificate is too weak or of an unknown kind.
    #[error("{0}: the key of the certificate can't verify signatures here")]
    CertificateKey(String),
}

/// Reasons why a provider's metadata is not available.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It can't be fetched or read.
    #[error("{0}")]
    Source(String),
    /// It is not acceptable.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// State of a provider.
#[derive(Debug, Clone)]
pub enum SamlProviderState {
    /// Usable.
    Ready(Arc<Metadata>),
    /// Unusable, with the reason.
    Unusable(String),
}

#[derive(Debug)]
struct SamlProviderEntry {
    config: SamlProvider,
    signer: Option<SigningKey>,
    state: RwLock<SamlProviderState>,
}

/// All configured providers, and our keys.
#[derive(Debug)]
pub struct SamlProviders {
    /// Our addresses.
    pub at: OwnAddresses,
    pub keys: ProviderKeys,
    entries: BTreeMap<ProviderId, SamlProviderEntry>,
    cache_dir: Option<PathBuf>,
    http: HttpClient,
    /// Slots for verifying logins and signing messages: one a core, so that other work continues.
    work: WorkSlots,
    /// Slot for verifying logout messages: one, because strangers can send some, and logins must not wait for them. Beyond the queue's end
    /// they are refused for now.
    logouts: Queue,
}

impl SamlProviders {
    /// Reads keys, files and cached copies, without a request to a provider. `None`: no provider is configured.
    pub fn start(config: &Saml, public_url: &str, now: Timestamp) -> Result<Option<Self>, SamlError> {
        let (Some(keys_dir), false) = (&config.keys_dir, config.providers.is_empty()) else { return Ok(None) };
        let keys = ProviderKeys::read(keys_dir)?;
        let http = HttpClient::new(config.ca_file.as_deref(), LARGEST)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut all = Self {
            at: OwnAddresses::of(config, public_url),
            keys,
            entries: BTreeMap::new(),
            cache_dir: config.cache_dir.clone(),
            http,
            work: WorkSlots::new(cores),
            logouts: Queue::new(1, LOGOUTS_HERE),
        };
        for provider in &config.providers {
            let signer = provider.metadata_certificate_file.as_deref().map(certificate).transpose()?;
            let mut entry = SamlProviderEntry {
                config: provider.clone(),
                signer,
                state: RwLock::new(SamlProviderState::Unusable("its metadata was not read yet".to_owned())),
            };
            let at_hand = match &provider.metadata {
                MetadataSource::File(file) => Some(file.clone()),
                MetadataSource::Url(_) => all.cached(&provider.common.id).filter(|file| file.exists()),
            };
            if let Some(file) = at_hand {
                let read = from_file(&file).and_then(|bytes| Ok(entry.parse(&bytes, now)?));
                if let Err(error) = &read {
                    tracing::warn!(provider = provider.common.id.as_str(), file = %file.display(), error = %error, "stored metadata unusable");
                }
                entry.state = RwLock::new(read.map_or_else(
                    |error| SamlProviderState::Unusable(error.to_string()),
                    |metadata| SamlProviderState::Ready(Arc::new(metadata)),
                ));
            }
            all.entries.insert(provider.common.id.clone(), entry);
        }
        Ok(Some(all))
    }

    /// State of a provider. Expired metadata makes it unusable.
    pub fn state(&self, id: &ProviderId, now: Timestamp) -> SamlProviderState {
        let Some(entry) = self.entries.get(id) else { return SamlProviderState::Unusable("there is no such provider".to_owned()) };
        let state = entry.state.read().unwrap_or_else(PoisonError::into_inner).clone();
        match state {
            SamlProviderState::Ready(metadata) if metadata.valid_until.is_some_and(|end| end <= now) => {
                SamlProviderState::Unusable("its metadata has expired".to_owned())
            }
            state @ (SamlProviderState::Ready(_) | SamlProviderState::Unusable(_)) => state,
        }
    }

    /// Metadata of a usable provider.
    pub fn metadata(&self, id: &ProviderId, now: Timestamp) -> Option<Arc<Metadata>> {
        match self.state(id, now) {
            SamlProviderState::Ready(metadata) => Some(metadata),
            SamlProviderState::Unusable(_) => None,
        }
    }

    /// Providers with this entity id. One entity may be configured twice, for two groups of people.
    fn by_entity(&self, entity_id: &str, now: Timestamp) -> Vec<(&SamlProvider, Arc<Metadata>)> {
        let of = |(id, entry)| {
            let metadata = self.metadata(id, now).filter(|metadata| metadata.entity_id == entity_id)?;
            let entry: &SamlProviderEntry = entry;
            Some((&entry.config, metadata))
        };
        self.entries.iter().filter_map(of).collect()
    }

    /// Ids of all providers.
    pub fn ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.entries.keys()
    }

    /// Reads a provider's metadata again. On an error the last good copy stays in use.
    pub async fn refresh(&self, id: &ProviderId, now: Timestamp) -> Result<Arc<Metadata>, LoadError> {
        let entry = self.entry(id)?;
        let loaded = self.load(entry, now).await;
        if let Ok((_, Some(bytes))) = &loaded {
            self.keep(id, bytes);
        }
        let mut state = entry.state.write().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok((metadata, _)) => {
                let metadata = Arc::new(metadata);
                *state = SamlProviderState::Ready(metadata.clone());
                Ok(metadata)
            }
            Err(error) => {
                if let SamlProviderState::Unusable(reason) = &mut *state {
                    *reason = error.to_string();
                }
                Err(error)
            }
        }
    }

    /// Reads a provider's metadata without using or storing it. The check command may run as another user than the service.
    pub async fn look(&self, id: &ProviderId, now: Timestamp) -> Result<Metadata, LoadError> {
        Ok(self.load(self.entry(id)?, now).await?.0)
    }

    /// Whether the metadata can be fetched. For a file this is always true.
    pub async fn answers(&self, id: &ProviderId) -> bool {
        let Some(entry) = self.entries.get(id) else { return false };
        match &entry.config.metadata {
            MetadataSource::File(_) => true,
            MetadataSource::Url(url) => self.fetch(url).await.is_ok(),
        }
    }

    fn entry(&self, id: &ProviderId) -> Result<&SamlProviderEntry, LoadError> {
        self.entries.get(id).ok_or_else(|| LoadError::Source("there is no such provider".to_owned()))
    }

    /// The metadata and, if it came from an address, its bytes for the cache.
    async fn load(&self, entry: &SamlProviderEntry, now: Timestamp) -> Result<(Metadata, Option<Vec<u8>>), LoadError> {
        match &entry.config.metadata {
            MetadataSource::File(file) => Ok((entry.parse(&from_file(file)?, now)?, None)),
            MetadataSource::Url(url) => {
                let bytes = self.fetch(url).await.map_err(LoadError::Source)?;
                Ok((entry.parse(&bytes, now)?, Some(bytes)))
            }
        }
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let answer = self.http.get(url, None, "*/*").await.map_err(|error| format!("{url} can't be read: {error}"))?;
        if answer.status().as_u16() == 200 { Ok(answer.into_body()) } else { Err(format!("{url} answered {}", answer.status())) }
    }

    /// Time of the metadata server's clock, to the second.
    pub async fn time_at(&self, id: &ProviderId) -> Option<Timestamp> {
        let MetadataSource::Url(url) = &self.entries.get(id)?.config.metadata else { return None };
        http::time(&self.http.head(url).await.ok()?)
    }

    fn cached(&self, id: &ProviderId) -> Option<PathBuf> {
        Some(self.cache_dir.as_ref()?.join(format!("{id}.xml")))
    }

    /// Stores a good copy for the next start. An error is only logged.
    fn keep(&self, id: &ProviderId, bytes: &[u8]) {
        let Some(path) = self.cached(id) else { return };
        if let Err(error) = write_whole(&path, bytes) {
            tracing::warn!(provider = id.as_str(), file = %path.display(), error = %error, "metadata not stored for the next start");
        }
    }

    /// Signs a message on a blocking thread, because that takes some milliseconds, and returns its transport.
    pub async fn send(self: &Arc<Self>, message: Message, way: MessageRoute) -> Result<Transport, Unsent> {
        let all = self.clone();
        self.work
            .work(Unsent, move || {
                let (key, relay) = (&all.keys.signing, way.relay.as_deref());
                let sent = if way.by_form {
                    message.form(&way.address, relay, key, way.pss)
                } else {
                    message.redirect(&way.address, relay, key, way.pss)
                };
                sent.map_err(|_| Unsent)
            })
            .await
    }

    /// Validates an answer to a login.
    pub async fn read_response(self: &Arc<Self>, asked: SamlRequest, message: Vec<u8>) -> Result<LoginAnswer, Refused> {
        self.about_response(asked, move |keys, expected| response::read(&message, keys, expected)).await
    }

    /// Validates an answer to a login test, with the details that its page shows.
    pub async fn test_response(self: &Arc<Self>, asked: SamlRequest, message: Vec<u8>) -> Result<Examined, Refused> {
        self.about_response(asked, move |keys, expected| Ok(shown::examine(&message, keys, expected))).await
    }

    /// Runs on a blocking thread, because validation needs processor time and runs C code.
    async fn about_response<T: Send + 'static>(
        self: &Arc<Self>,
        asked: SamlRequest,
        read: impl FnOnce(&ProviderKeys, &response::ExpectedResponse<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let all = self.clone();
        self.work
            .work(Refused::ProviderUnusable, move || {
                let entry = all.entries.get(&asked.provider).ok_or(Refused::ProviderUnusable)?;
                let metadata = all.metadata(&asked.provider, asked.now).ok_or(Refused::ProviderUnusable)?;
                let expected = response::ExpectedResponse {
                    provider: &entry.config,
                    metadata: &metadata,
                    entity_id: &all.at.entity_id,
                    acs: &all.at.acs,
                    request: &asked.request,
                    asked: asked.at,
                    forced: asked.forced,
                    now: asked.now,
                };
                read(&all.keys, &expected)
            })
            .await
    }

    /// Verifies a LogoutRequest with the keys of the providers that its issuer names.
    pub async fn read_logout(self: &Arc<Self>, unpacked: logout::Unpacked, now: Timestamp) -> Result<LogoutAsked, Refused> {
        let all = self.clone();
        let work = move || {
            let mut outcome = Err(Refused::Issuer);
            let mut providers = Vec::new();
            for (provider, metadata) in all.by_entity(&logout::issuer(&unpacked)?, now) {
                let read = logout::request(&unpacked, &all.logout_expected(provider, &metadata, now));
                if read.is_ok() {
                    providers.push(provider.common.id.clone());
                }
                outcome = outcome.or(read);
            }
            Ok(LogoutAsked { providers, request: outcome?, by_form: unpacked.by_form, relay: unpacked.relay })
        };
        self.logouts.work(Refused::Busy, Refused::ProviderUnusable, work).await
    }

    /// Verifies the answer to our logout request. Returns whether the logout succeeded everywhere.
    pub async fn read_logout_answer(
        self: &Arc<Self>,
        unpacked: logout::Unpacked,
        provider: ProviderId,
        asked: String,
        now: Timestamp,
    ) -> Result<bool, Refused> {
        let all = self.clone();
        let work = move || {
            let entry = all.entries.get(&provider).ok_or(Refused::ProviderUnusable)?;
            let metadata = all.metadata(&provider, now).ok_or(Refused::ProviderUnusable)?;
            logout::response(&unpacked, &asked, &all.logout_expected(&entry.config, &metadata, now))
        };
        self.logouts.work(Refused::Busy, Refused::ProviderUnusable, work).await
    }

    fn logout_expected<'a>(&'a self, provider: &SamlProvider, metadata: &'a Metadata, now: Timestamp) -> logout::ExpectedLogout<'a> {
        logout::ExpectedLogout { metadata, slo: &self.at.slo, skew: jiff::SignedDuration::from_secs(provider.skew_seconds.into()), now }
    }
}

/// A provider's verified logout request.
#[derive(Debug)]
pub struct LogoutAsked {
    /// All configured providers whose keys have signed it. One entity may be configured twice.
    pub providers: Vec<ProviderId>,
    pub request: logout::LogoutRequest,
    /// Whether it came by form; otherwise by redirect.
    pub by_form: bool,
    pub relay: Option<String>,
}

/// Transport of a message.
#[derive(Debug, Clone)]
pub struct MessageRoute {
    /// Address of the receiver.
    pub address: String,
    /// By form; otherwise by redirect.
    pub by_form: bool,
    pub relay: Option<String>,
    /// Signed with RSASSA-PSS; otherwise with RSASSA-PKCS1-v1_5.
    pub pss: bool,
}

/// Signing a message failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message not signed")]
pub struct Unsent;

/// The request of a login in progress.
#[derive(Debug, Clone)]
pub struct SamlRequest {
    pub provider: ProviderId,
    /// ID of the request.
    pub request: String,
    /// Time of the request.
    pub at: Timestamp,
    /// Whether a fresh login was requested.
    pub forced: bool,
    pub now: Timestamp,
}

impl SamlProviderEntry {
    fn parse(&self, bytes: &[u8], now: Timestamp) -> Result<Metadata, MetadataError> {
        Metadata::parse(bytes, self.config.entity_id.as_deref(), self.signer.as_ref(), now)
    }
}

fn certificate(path: &Path) -> Result<SigningKey, SamlError> {
    let shown = || path.display().to_string();
    let certificates = operator_file::certificates(path).map_err(|error| SamlError::Certificate(shown(), error))?;
    certificates.first().and_then(|der| SigningKey::of(der)).ok_or_else(|| SamlError::CertificateKey(shown()))
}

fn from_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    let wrong = |what: String| LoadError::Source(format!("{}: {what}", path.display()));
    match fs::metadata(path) {
        Ok(found) if found.len() > u64::try_from(LARGEST).unwrap_or(u64::MAX) => Err(wrong("is too large".to_owned())),
        Ok(_) => fs::read(path).map_err(|error| wrong(error.to_string())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Writes a file atomically.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)
}
