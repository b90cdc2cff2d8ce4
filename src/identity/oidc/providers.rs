//! The configured OpenID providers: their metadata, which is fetched at start and refreshed in the background, and the requests to them.
//!
//! Invariants:
//! - A failed refresh keeps the last good state in use.
//! - A stalled provider delays only its own visitors, at most [`AT_ONCE`] of them.
//! - Keys are fetched again because of an unknown key id at most once per [`REFETCH_EVERY`].

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

use super::{
    ExchangedCode, OidcLoginError, OidcRefused, OidcSession, Recognised,
    authorize::{self, Begin},
    claims::VerifiedClaims,
    client_auth::{self, ClientCredentials, For},
    decrypt::Decrypters,
    discovery::{self, DiscoveredProvider, DiscoveryError},
    id_token::{self, ExpectedToken, Verified},
    jwks::KeySet,
    jwt,
    logout::{self, LoggedOut},
    payload::Payload,
    random_text,
    token::{self, Exchange},
    userinfo,
};
use crate::{
    config::{ClientAuth, Oidc, OidcProvider},
    identity::{
        answer::{Login, SessionThere},
        http::{self, HttpClient, HttpSetupError},
        keys::{KeysError, ProviderKeys},
        transport::Transport,
    },
    model::identity::provider::ProviderId,
};

/// Largest answer, bytes. A discovery document has about 5 KB, a JWKS of ten keys about 20 KB.
const LARGEST: usize = 256 * 1024;
/// Concurrent logins at one provider; further ones are refused for now.
const AT_ONCE: usize = 64;
/// Concurrent logout tokens. Strangers can send some, so they use no slots of logins.
const LOGOUTS_AT_ONCE: usize = 8;
/// Minimum interval between fetches of the keys because of an unknown key id.
const REFETCH_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Reasons why OpenID Connect can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    #[error("oidc.keys_dir: {0}")]
    Keys(#[from] KeysError),
    /// The HTTP client, or its CA file.
    #[error("oidc: {0}")]
    Http(#[from] HttpSetupError),
}

/// State of a provider.
#[derive(Debug, Clone)]
pub enum OidcProviderState {
    /// Usable.
    Ready(Arc<DiscoveredProvider>),
    /// Unusable, with the reason.
    Unusable(String),
}

#[derive(Debug)]
struct OidcProviderEntry {
    config: OidcProvider,
    /// Current client authentication. Its secret may be renewed while the service runs.
    auth: RwLock<ClientAuth>,
    state: RwLock<OidcProviderState>,
    /// Slots for logins.
    logins: Semaphore,
    /// Slots for pushed requests. Strangers can start logins, so these use no slots of logins that return with an answer.
    pushes: Semaphore,
    /// Slots for logout tokens.
    logouts: Semaphore,
    /// Time of the last fetch because of an unknown key id. The lock is held during the fetch, so that concurrent callers share its result.
    refetched: Mutex<Option<Timestamp>>,
}

/// All configured providers, and our keys.
#[derive(Debug)]
pub struct OidcProviders {
    /// Our keys, if a provider needs them.
    pub keys: Option<Arc<ProviderKeys>>,
    decrypters: Option<Arc<Decrypters>>,
    entries: BTreeMap<ProviderId, OidcProviderEntry>,
    http: HttpClient,
    public_url: String,
}

/// The request of a login in progress, from the browser's cookie.
pub struct OidcRequest {
    pub provider: ProviderId,
    /// Nonce of the request.
    pub nonce: String,
    /// PKCE code verifier.
    pub verifier: String,
    /// Time of the request.
    pub at: Timestamp,
    /// Whether a fresh login was requested.
    pub forced: bool,
}

impl OidcProviders {
    /// Reads our keys, without a request to a provider. `None`: no provider is configured.
    pub fn start(config: &Oidc, public_url: &str) -> Result<Option<Self>, OidcError> {
        if config.providers.is_empty() {
            return Ok(None);
        }
        let keys = config.keys_dir.as_deref().map(ProviderKeys::read).transpose()?.map(Arc::new);
        let entry = |provider: &OidcProvider| OidcProviderEntry {
            config: provider.clone(),
            auth: RwLock::new(provider.client_auth.clone()),
            state: RwLock::new(OidcProviderState::Unusable("it was not asked yet".to_owned())),
            logins: Semaphore::new(AT_ONCE),
            pushes: Semaphore::new(AT_ONCE),
            logouts: Semaphore::new(LOGOUTS_AT_ONCE),
            refetched: Mutex::new(None),
        };
        Ok(Some(Self {
            decrypters: keys.as_ref().map(|keys| Arc::new(Decrypters::of(keys.decrypting()))),
            keys,
            entries: config.providers.iter().map(|provider| (provider.common.id.clone(), entry(provider))).collect(),
            http: HttpClient::new(config.ca_file.as_deref(), LARGEST)?,
            public_url: public_url.to_owned(),
        }))
    }

    /// Ids of all providers.
    pub fn ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.entries.keys()
    }

    /// Redirect address of a provider. Each has its own, so that no answer is attributed to another provider (RFC 9700, section 4.4.2.2).
    pub fn redirect_uri(&self, id: &ProviderId) -> String {
        format!("{}/oidc/callback/{id}", self.public_url)
    }

    /// Address to return to after a logout.
    pub fn logged_out_uri(&self) -> String {
        format!("{}/oidc/logged-out", self.public_url)
    }

    /// State of a provider.
    pub fn state(&self, id: &ProviderId) -> OidcProviderState {
        match self.entries.get(id) {
            Some(entry) => entry.state.read().unwrap_or_else(PoisonError::into_inner).clone(),
            None => OidcProviderState::Unusable("there is no such provider".to_owned()),
        }
    }

    fn ready(&self, id: &ProviderId) -> Result<(&OidcProviderEntry, Arc<DiscoveredProvider>), OidcLoginError> {
        match (self.entries.get(id), self.state(id)) {
            (Some(entry), OidcProviderState::Ready(known)) => Ok((entry, known)),
            (_, OidcProviderState::Unusable(why)) => Err(OidcLoginError::Provider(why)),
            (None, OidcProviderState::Ready(_)) => Err(OidcLoginError::Provider("there is no such provider".to_owned())),
        }
    }

    /// Fetches a provider's metadata. On an error the last good state stays in use.
    pub async fn refresh(&self, id: &ProviderId) -> Result<Arc<DiscoveredProvider>, DiscoveryError> {
        let found = self.look(id).await;
        let Some(entry) = self.entries.get(id) else { return found.map(Arc::new) };
        let mut state = entry.state.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(known) => {
                let known = Arc::new(known);
                *state = OidcProviderState::Ready(known.clone());
                Ok(known)
            }
            Err(error) => {
                if let OidcProviderState::Unusable(reason) = &mut *state {
                    *reason = error.to_string();
                }
                Err(error)
            }
        }
    }

    /// Fetches a provider's metadata without using it.
    pub async fn look(&self, id: &ProviderId) -> Result<DiscoveredProvider, DiscoveryError> {
        match self.entries.get(id) {
            Some(entry) => discovery::discover(&self.http, &entry.config).await,
            None => Err(DiscoveryError::Unreadable("there is no such provider".to_owned())),
        }
    }

    /// Starts a login. Returns the address for the browser.
    pub async fn begin(&self, id: &ProviderId, with: &Begin, now: Timestamp, random: [u8; 16]) -> Result<String, OidcLoginError> {
        let (entry, known) = self.ready(id)?;
        let parameters = with.parameters(&entry.config, &self.redirect_uri(id));
        match known.par.as_deref().filter(|_| entry.config.par) {
            Some(par) => {
                let _place = place(&entry.pushes)?;
                let client = self.credentials(entry, &known, now, random).await?;
                authorize::push(&self.http, &known, par, &client, &parameters).await
            }
            None => Ok(authorize::address(&known, &parameters)),
        }
    }

    /// Whether an answer with this `iss` may be the provider's (RFC 9207), which the library does not check.
    ///
    /// An error proves nothing, and some providers that put `iss` in answers omit it in errors.
    pub fn may_answer(&self, id: &ProviderId, iss: Option<&str>, is_error: bool) -> bool {
        let Ok((entry, known)) = self.ready(id) else { return false };
        match iss {
            Some(iss) => iss == entry.config.issuer,
            None => is_error || !known.iss_parameter,
        }
    }

    /// Exchanges a code and validates the login.
    pub async fn finish(&self, asked: OidcRequest, code: &str, now: Timestamp, random: [u8; 16]) -> ExchangedCode {
        let mut said = None;
        let login = self.hear(&asked, code, now, random, &mut said).await;
        ExchangedCode { said, login }
    }

    /// `heard` receives the claims as soon as their signature is verified.
    async fn hear(
        &self,
        asked: &OidcRequest,
        code: &str,
        now: Timestamp,
        random: [u8; 16],
        heard: &mut Option<VerifiedClaims>,
    ) -> Result<Login, OidcLoginError> {
        let (entry, known) = self.ready(&asked.provider)?;
        let _place = place(&entry.logins)?;
        let client = self.credentials(entry, &known, now, random).await?;
        let redirect_uri = self.redirect_uri(&asked.provider);
        let exchange = Exchange { code, redirect_uri: &redirect_uri, verifier: &asked.verifier };
        let tokens = token::exchange(&self.http, &known.token, &client, &exchange).await?;
        let (payload, token) = self.signed(entry, &known, asked, tokens.id_token, now).await?;
        let said = heard.insert(VerifiedClaims { id_token: payload.clone(), userinfo: None });
        let verified = id_token::judge(payload, Some(&tokens.access_token), &expected(entry, &known.keys, asked, now))?;
        said.userinfo = self.userinfo(entry, &known, &tokens.access_token, &verified.sub, now).await?;
        // A decrypted token stays here. Only a token that arrived in plain text is sent back to the provider.
        let hint = if entry.config.encrypted_id_token { None } else { logout::hint(&token, &verified.payload) };
        let Verified { sub, sid, at, until, .. } = verified;
        if let Some((field, word)) = said.unknown_level(&entry.config) {
            let (provider, field) = (entry.config.common.id.as_str(), field.to_string());
            tracing::warn!(provider, field, word, "level of a login is not in the configured map; the login has no level");
        }
        let read = said.read(&entry.config)?;
        Ok(Login {
            assertion: read.reference,
            until,
            claim: read.claim,
            level: read.level,
            name: read.name,
            at,
            ends: None,
            session: Some(SessionThere::Oidc(OidcSession { sub, sid, hint: known.end_session.is_some().then_some(hint).flatten() })),
        })
    }

    /// Fetches UserInfo, if a configured field is in it. An unknown key id causes one fetch of the keys.
    async fn userinfo(
        &self,
        entry: &OidcProviderEntry,
        known: &DiscoveredProvider,
        access_token: &str,
        sub: &str,
        now: Timestamp,
    ) -> Result<Option<Payload>, OidcLoginError> {
        let Some(address) = known.userinfo.as_deref().filter(|_| entry.config.asks_userinfo()) else { return Ok(None) };
        let accept = if entry.config.signed_userinfo { "application/jwt" } else { "application/json" };
        let answer = self.http.get(address, Some(access_token), accept).await;
        let answer = answer.map_err(|error| OidcLoginError::Provider(format!("UserInfo: {error}")))?;
        let mut read = userinfo::read(&answer, &entry.config, &known.keys, sub, now);
        if read.as_ref().is_err_and(|trouble| trouble.is(OidcRefused::Key))
            && let Some(keys) = self.refetched(entry, known, now).await
        {
            read = userinfo::read(&answer, &entry.config, &keys, sub, now);
        }
        read.map(Some)
    }

    /// Verifies the signature of the ID token on a blocking thread, because it needs processor time. An unknown key id causes one fetch of the keys.
    async fn signed(
        &self,
        entry: &OidcProviderEntry,
        known: &DiscoveredProvider,
        asked: &OidcRequest,
        token: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<(Payload, Zeroizing<String>), OidcLoginError> {
        let token = self.opened(entry, token).await?;
        let attempt = |keys: KeySet, token: Zeroizing<String>| {
            let (config, nonce, asked, forced) = (entry.config.clone(), asked.nonce.clone(), asked.at, asked.forced);
            work(move || {
                let expected = ExpectedToken { provider: &config, keys: &keys, nonce: &nonce, asked, forced, now };
                id_token::signed(&token, &expected)
            })
        };
        let mut read = attempt(known.keys.clone(), token.clone()).await?;
        if read.as_ref().is_err_and(|denied| denied.refused == OidcRefused::Key)
            && let Some(keys) = self.refetched(entry, known, now).await
        {
            read = attempt(keys, token.clone()).await?;
        }
        Ok((read?, token))
    }

    /// The signed token, decrypted if the configuration requires encryption.
    async fn opened(&self, entry: &OidcProviderEntry, token: Zeroizing<String>) -> Result<Zeroizing<String>, OidcLoginError> {
        if jwt::is_encrypted(&token) != entry.config.encrypted_id_token {
            return Err(OidcRefused::Encryption.into());
        }
        match &self.decrypters {
            Some(decrypters) if entry.config.encrypted_id_token => {
                let decrypters = decrypters.clone();
                Ok(work(move || decrypters.open(&token)).await??)
            }
            Some(_) | None => Ok(token),
        }
    }

    /// Fetches the keys because of an unknown key id. `None`: the last such fetch was too recent, or this one failed.
    async fn refetched(&self, entry: &OidcProviderEntry, known: &DiscoveredProvider, now: Timestamp) -> Option<KeySet> {
        let mut last = entry.refetched.lock().await;
        // Another caller may have fetched them meanwhile.
        if let OidcProviderState::Ready(current) = &*entry.state.read().unwrap_or_else(PoisonError::into_inner)
            && current.keys != known.keys
        {
            return Some(current.keys.clone());
        }
        // After the clock is set back, a fetch is permitted at once.
        if last.is_some_and(|last| last <= now && now.duration_since(last) < REFETCH_EVERY) {
            return None;
        }
        *last = Some(now);
        match discovery::keys(&self.http, known, &entry.config).await {
            Ok(keys) => {
                let renewed = Arc::new(DiscoveredProvider { keys: keys.clone(), ..known.clone() });
                *entry.state.write().unwrap_or_else(PoisonError::into_inner) = OidcProviderState::Ready(renewed);
                Some(keys)
            }
            Err(error) => {
                tracing::warn!(provider = entry.config.common.id.as_str(), error = %error, "keys not fetched after a token with an unknown key id");
                None
            }
        }
    }

    async fn credentials(
        &self,
        entry: &OidcProviderEntry,
        known: &DiscoveredProvider,
        now: Timestamp,
        random: [u8; 16],
    ) -> Result<ClientCredentials, OidcLoginError> {
        let auth = entry.auth.read().unwrap_or_else(PoisonError::into_inner).clone();
        let by_key = matches!(auth, ClientAuth::PrivateKeyJwt { .. });
        let (client_id, issuer) = (entry.config.client_id.clone(), entry.config.issuer.clone());
        let (keys, token_endpoint) = (self.keys.clone(), known.token.clone());
        let sign = move || {
            let to = For { client_id: &client_id, issuer: &issuer, token_endpoint: &token_endpoint, now, random };
            client_auth::credentials(&auth, keys.as_deref(), &to)
        };
        let made = if by_key { work(sign).await? } else { sign() };
        made.map_err(|error| OidcLoginError::Provider(error.to_string()))
    }

    /// Whether the provider accepts our client authentication, tested with an invalid code.
    pub async fn recognised(&self, id: &ProviderId, now: Timestamp, random: [u8; 16]) -> Result<Recognised, String> {
        let told = |trouble: OidcLoginError| match trouble {
            OidcLoginError::Provider(why) => why,
            OidcLoginError::Refused(denied) => denied.refused.code().to_owned(),
        };
        let (entry, known) = self.ready(id).map_err(told)?;
        let client = self.credentials(entry, &known, now, random).await.map_err(told)?;
        let (redirect_uri, verifier) = (self.redirect_uri(id), random_text(&[random, random]));
        let exchange = Exchange { code: "os2nykode-check", redirect_uri: &redirect_uri, verifier: &verifier };
        token::recognised(&self.http, &known.token, &client, &exchange).await.map_err(|error| error.to_string())
    }

    /// Time of the provider's clock, to the second.
    pub async fn time_at(&self, id: &ProviderId) -> Option<Timestamp> {
        let address = format!("{}/.well-known/openid-configuration", self.entries.get(id)?.config.issuer.trim_end_matches('/'));
        http::time(&self.http.get(&address, None, "application/json").await.ok()?)
    }

    /// Sets renewed client secrets. `false`: all are unchanged.
    pub fn renew_secrets(&self, config: &Oidc) -> bool {
        let mut new = false;
        for provider in &config.providers {
            let Some(entry) = self.entries.get(&provider.common.id) else { continue };
            let mut known = entry.auth.write().unwrap_or_else(PoisonError::into_inner);
            if let (ClientAuth::Basic(old), ClientAuth::Basic(fresh)) | (ClientAuth::Post(old), ClientAuth::Post(fresh)) =
                (&*known, &provider.client_auth)
                && old.expose_secret() != fresh.expose_secret()
            {
                *known = provider.client_auth.clone();
                new = true;
            }
        }
        new
    }

    /// Whether the provider answers.
    pub async fn answers(&self, id: &ProviderId) -> bool {
        let Some(entry) = self.entries.get(id) else { return false };
        let address = format!("{}/.well-known/openid-configuration", entry.config.issuer.trim_end_matches('/'));
        self.http.get(&address, None, "application/json").await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Transport to a provider's logout.
    pub fn log_out(&self, id: &ProviderId, session: &OidcSession) -> Option<Transport> {
        let (entry, known) = self.ready(id).ok()?;
        logout::at_provider(&known, &entry.config, session, &self.logged_out_uri())
    }

    /// Validates a provider's logout token.
    pub async fn told_of_logout(&self, id: &ProviderId, token: String, now: Timestamp) -> Result<LoggedOut, OidcLoginError> {
        let (entry, known) = self.ready(id)?;
        let _place = place(&entry.logouts)?;
        // A provider that encrypts ID tokens may encrypt these too (section 2.4). The signature decides.
        let token = if jwt::is_encrypted(&token) { self.opened(entry, token.into()).await? } else { token.into() };
        let attempt = |keys: KeySet, token: Zeroizing<String>| {
            let config = entry.config.clone();
            work(move || logout::told(&token, &config, &keys, now))
        };
        let mut read = attempt(known.keys.clone(), token.clone()).await?;
        if read.as_ref().err() == Some(&OidcRefused::Key)
            && let Some(keys) = self.refetched(entry, &known, now).await
        {
            read = attempt(keys, token).await?;
        }
        Ok(read?)
    }
}

fn expected<'a>(entry: &'a OidcProviderEntry, keys: &'a KeySet, asked: &'a OidcRequest, now: Timestamp) -> ExpectedToken<'a> {
    ExpectedToken { provider: &entry.config, keys, nonce: &asked.nonce, asked: asked.at, forced: asked.forced, now }
}

/// Takes a slot, if one is free.
fn place(places: &Semaphore) -> Result<tokio::sync::SemaphorePermit<'_>, OidcLoginError> {
    places.try_acquire().map_err(|_| OidcLoginError::Provider("too many concurrent requests to it".to_owned()))
}

async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OidcLoginError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| OidcLoginError::Provider("a task of the service panicked".to_owned()))
}
