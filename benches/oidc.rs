//! Costs of an OpenID Connect login. Run by scripts/bench.
//!
//! It measures the check of an ID token against the library's bare verification of the same bytes, the CPU time of a whole login,
//! and the front page's latency while a provider stalls.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/it/environment.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod environment;
#[path = "../tests/it/oidc/liar.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod liar;
#[path = "../tests/it/oidc_forge.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod oidc_forge;

use std::{
    hint::black_box,
    net::SocketAddr,
    process::{Child, Command},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use openidconnect::{
    EmptyAdditionalClaims, IssuerUrl, Nonce,
    core::{CoreGenderClaim, CoreIdTokenVerifier, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm},
};
use os2nykode::{
    config::{self, Algorithm, OidcProvider},
    identity::oidc::{claims::VerifiedClaims, id_token, jwks::KeySet},
};
use reqwest::{Client, Url, redirect};
use serde_json::{Value, json};

use environment::environment;
use liar::{Liar, Says};
use oidc_forge::{EC, NSIS, RSA};

const ROUNDS: usize = 5;
/// Logins per measurement of CPU time.
const COUNT: u32 = 200;
/// Logins that hang at the same time.
const HANGING: usize = 50;
const NONCE: &str = "5e0f7c2a9d5b4f6e8a7c1b3d2e4f6a8b";
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn line(what: &str, value: f64, unit: &str) {
    println!("{what:<100} {value:>9.2} {unit}");
}

fn now() -> Timestamp {
    os2nykode::clock::Clock::now(&os2nykode::clock::SystemClock)
}

/// Microseconds per call: the median of several rounds. The thread does nothing else, so that elapsed time is CPU time.
fn each(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (begun, mut count) = (Instant::now(), 0_u32);
            while begun.elapsed().as_millis() < 400 {
                work();
                count += 1;
            }
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(count)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn text(dir: &std::path::Path, address: SocketAddr, issuer: &str) -> String {
    let fact = |key| environment().fact(key);
    format!(
        "[site]\nname = \"M\"\ncontact = {{ da = \"x\" }}\n[server]\nlisten = \"{address}\"\npublic_url = \"http://localhost:{}\"\nsecret = \"{SECRET}\"\n\
         [store]\nurl = \"sqlite://{}/bench.db\"\n\
         [directory]\ncontrollers = [{{ name = \"{}\", address = \"{}\" }}]\nca_file = \"{}\"\nbase_dn = \"{}\"\nbind_user = \"{}\"\nbind_password = \"{}\"\n\
         [rate_limit.address]\nattempts_before_delay = 1000\n[log]\nlevel = \"error\"\n\
         [[oidc.provider]]\nid = \"mitid\"\nmitid = true\nissuer = \"{issuer}\"\nclient_id = \"c\"\nclient_secret = \"s\"\nscopes = [\"openid\", \"ssn\"]\n\
         match = {{ by = \"cpr\", from = \"dk.cpr\", ad_attribute = \"employeeNumber\" }}\nname = {{ from = \"name\" }}\n\
         [[oidc.provider.level]]\nfrom = \"loa\"\nvalues = {{ \"{NSIS}Substantial\" = \"substantial\" }}\n\
         [[oidc.provider.require]]\nfrom = \"identity_type\"\nvalues = [\"private\"]\n",
        address.port(),
        dir.display(),
        fact("DC_NAME"),
        fact("DC_IP"),
        fact("CA_FILE"),
        fact("BASE_DN"),
        fact("SERVICE_UPN"),
        fact("SERVICE_PASSWORD"),
    )
}

fn claims(issuer: &str, nonce: &str) -> Value {
    let second = now().as_second();
    json!({
        "iss": issuer, "sub": "6d0c", "aud": "c", "exp": second + 300, "iat": second, "auth_time": second, "nonce": nonce, "jti": "t-1", "sid": "s-1",
        "loa": format!("{NSIS}Substantial"), "identity_type": "private", "dk.cpr": "0102805100", "name": "Anna Andersen",
    })
}

/// The complete check of an ID token against the library's verification alone.
fn tokens(provider: &OidcProvider) {
    let set = json!({ "keys": [RSA.jwk(), EC.jwk()] });
    let keys = KeySet::read(set.to_string().as_bytes(), &Algorithm::ALL).expect("a set");
    let librarys: openidconnect::core::CoreJsonWebKeySet = serde_json::from_value(set).expect("keys");
    for (signer, alg) in [(&RSA, "RS256"), (&RSA, "PS256"), (&EC, "ES256")] {
        let token = signer.token(alg, &claims(&provider.issuer, NONCE));
        let expected = id_token::ExpectedToken { provider, keys: &keys, nonce: NONCE, asked: now(), forced: true, now: now() };
        let ours = each(|| {
            let verified = id_token::verify(black_box(&token), Some("x"), &expected).expect("right");
            black_box(VerifiedClaims { id_token: verified.payload, userinfo: None }.read(provider).expect("read"));
        });
        let library = each(|| {
            type Token =
                openidconnect::IdToken<EmptyAdditionalClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
            let token: Token = black_box(&token).parse().expect("a token");
            let issuer = IssuerUrl::new(provider.issuer.clone()).expect("an issuer");
            let verifier = CoreIdTokenVerifier::new_public_client(openidconnect::ClientId::new("c".to_owned()), issuer, librarys.clone());
            let verifier = verifier.set_allowed_algs(Algorithm::ALL.map(os2nykode::identity::oidc::jwks::signing));
            black_box(token.claims(&verifier, &Nonce::new(NONCE.to_owned())).expect("right"));
        });
        line(&format!("an ID token, {alg}, {} bytes: every check and every claim", token.len()), ours, "us");
        line("  the library's verification of the same token", library, "us");
        line("  ratio", ours / library, "");
    }
}

/// A running release build.
struct Service {
    child: Child,
    base: String,
    _dir: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    async fn start(liar: &Liar) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let address = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let file = dir.path().join("config.toml");
        environment::write_private(&file, text(dir.path(), address, &liar.issuer)).expect("written");
        let program = std::env::var_os("OS2NYKODE_PROGRAM").expect("run scripts/bench");
        let child = Command::new(program).arg("--config").arg(&file).arg("serve").spawn().expect("started");
        let service = Self { child, base: format!("http://{address}"), _dir: dir };
        let begun = Instant::now();
        loop {
            let answer = client().get(format!("{}/login/mitid", service.base)).send().await;
            if answer.is_ok_and(|answer| answer.status() == 303) {
                return service;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "it knows the provider");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// CPU time so far, from the kernel's nanosecond counter.
    fn processor(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("running");
        let of = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let all = threads.filter_map(Result::ok).map(of).filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Duration::from_nanos(all.sum())
    }

    /// Begins a login. Returns the cookie and the callback address of an honest provider's answer.
    async fn begin(&self, client: &Client, liar: &Liar) -> (String, String) {
        let answer = client.get(format!("{}/login/mitid", self.base)).send().await.expect("an answer");
        let cookie = answer.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned();
        let there: Url = answer.headers()["location"].to_str().expect("text").parse().expect("an address");
        let parameter = |name: &str| there.query_pairs().find(|(key, _)| key == name).expect("there").1.into_owned();
        liar.gives(&RSA.token("RS256", &claims(&liar.issuer, &parameter("nonce"))));
        (cookie, format!("{}/oidc/callback/mitid?code=c&state={}&iss={}", self.base, parameter("state"), liar.issuer))
    }
}

fn client() -> Client {
    Client::builder().redirect(redirect::Policy::none()).build().expect("a client")
}

/// Complete logins in sequence: from the button to the session, with the account lookup in Active Directory.
async fn logins(service: &Service, liar: &Liar) {
    let client = client();
    let (before, begun) = (service.processor(), Instant::now());
    for _ in 0..COUNT {
        let (cookie, answer) = service.begin(&client, liar).await;
        let arrived = client.get(answer).header("cookie", cookie).send().await.expect("an answer");
        assert_eq!(arrived.headers()["location"], "/account", "logged in");
    }
    let (busy, elapsed) = (service.processor().saturating_sub(before), begun.elapsed());
    line(
        "a whole login (two requests, one code exchanged, RS256, AD asked): CPU of the service",
        busy.as_secs_f64() * 1e3 / f64::from(COUNT),
        "ms",
    );
    line("  one after the other, waiting for everybody included", elapsed.as_secs_f64() * 1e3 / f64::from(COUNT), "ms");
}

/// p50 and p99 of the front page in milliseconds, for four visitors during five seconds.
async fn front_page(service: &Service) -> (f64, f64) {
    let begun = Instant::now();
    let work = (0..4).map(|_| {
        let (client, url) = (client(), format!("{}/", service.base));
        tokio::spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < Duration::from_secs(5) {
                let started = Instant::now();
                let answer = client.get(&url).send().await.expect("an answer");
                assert_eq!(answer.status(), 200);
                answer.bytes().await.expect("a body");
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
            times
        })
    });
    let mut times: Vec<f64> = futures_util::future::join_all(work).await.into_iter().flat_map(|times| times.expect("joined")).collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

async fn stalled(service: &Service, liar: &Liar) {
    let (quiet, quiet_worst) = front_page(service).await;
    let mut begun = Vec::new();
    let visitor = client();
    for _ in 0..HANGING {
        begun.push(service.begin(&visitor, liar).await);
    }
    liar.says("/token", Says::Nothing);
    let asked = liar.asked("/token").len();
    let hanging: Vec<_> = begun
        .into_iter()
        .map(|(cookie, answer)| {
            let client = client();
            tokio::spawn(async move { client.get(answer).header("cookie", cookie).send().await.expect("an answer").status() })
        })
        .collect();
    while liar.asked("/token").len() < asked + HANGING {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (busy, busy_worst) = front_page(service).await;
    let still = hanging.iter().filter(|login| !login.is_finished()).count();
    assert_eq!(still, HANGING, "all of them hung all the while");
    line("front page, four visitors: p50", quiet, "ms");
    line("  p99", quiet_worst, "ms");
    line(&format!("the same while {HANGING} logins hang at a provider that stalls: p50"), busy, "ms");
    line("  p99", busy_worst, "ms");
    for login in hanging {
        assert_eq!(login.await.expect("joined"), 503, "each is told to try again");
    }
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let liar = Liar::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config.toml");
    environment::write_private(&file, text(dir.path(), "127.0.0.1:1".parse().expect("an address"), &liar.issuer)).expect("written");
    let config = config::load(&file, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    tokio::task::block_in_place(|| tokens(&config.oidc.providers[0]));
    let service = Service::start(&liar).await;
    logins(&service, &liar).await;
    stalled(&service, &liar).await;
}
