//! The service in the test's process, over TLS, with a database of its own.

use std::{net::SocketAddr, sync::Arc};

use os2nykode::{
    app::App,
    clock::{Clock, ShiftedClock},
    config, http,
};

pub use crate::environment::write_private;
use crate::{environment::environment, visitor::Visitor};

/// 32 bytes in base64, for tests only.
pub const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Differences from the default setup.
#[derive(Default)]
pub struct Setup {
    /// Addresses of the controllers. Without any, the real controller.
    pub controllers: Vec<SocketAddr>,
    /// Additional sections of the configuration.
    pub more: &'static str,
    /// Additional keys of `[directory]`.
    pub directory: &'static str,
    /// Additional keys of `[server]`.
    pub server: &'static str,
    /// A port that is part of the public URL, for a browser that other sites redirect back.
    pub port: Option<u16>,
    /// A port that is not part of the public URL, for requests of a provider.
    pub listen: Option<u16>,
    /// A shared database instead of one of its own.
    pub store: Option<String>,
}

pub struct Service {
    pub app: Arc<App>,
    pub clock: Arc<ShiftedClock>,
    pub address: SocketAddr,
    pub dir: tempfile::TempDir,
    serving: tokio::task::AbortHandle,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Setup {
    /// The configuration as text.
    pub fn text(&self, dir: &std::path::Path, listen: &str) -> String {
        let environment = environment();
        let name = environment.fact("DC_NAME");
        let real = SocketAddr::new(environment.fact("DC_IP").parse().expect("an address"), 636);
        let controllers = if self.controllers.is_empty() { vec![real] } else { self.controllers.clone() };
        let controllers: Vec<_> =
            controllers.iter().map(|c| format!("{{ name = \"{name}\", address = \"{}\", port = {} }}", c.ip(), c.port())).collect();
        let store = self.store.clone().unwrap_or_else(|| format!("sqlite://{}/os2nykode.db", dir.display()));
        let calm = "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n";
        let more = if self.more.is_empty() { calm } else { self.more };
        format!(
            "[site]\nname = \"Prøve Kommune\"\ncontact = {{ da = \"Ring til servicedesken\", en = \"Call the service desk\" }}\n\
             accessibility_url = \"https://www.was.digst.dk/proeve\"\n\
             [server]\nlisten = \"{listen}\"\npublic_url = \"https://localhost\"\nsecret = \"{SECRET}\"\n\
             tls = {{ certificate_file = \"{}\", key_file = \"{}\" }}\n{}\n\
             [store]\nurl = \"{store}\"\n\
             [directory]\ncontrollers = [{}]\nca_file = \"{}\"\nbase_dn = \"{}\"\nsearch_bases = [\"{}\"]\nbind_user = \"{}\"\nbind_password = \"{}\"\n{}\n{more}\n",
            environment.fact("WEB_CERT"),
            environment.fact("WEB_KEY"),
            self.server,
            controllers.join(", "),
            environment.fact("CA_FILE"),
            environment.fact("BASE_DN"),
            environment.fact("PEOPLE_OU"),
            environment.fact("SERVICE_UPN"),
            environment.fact("SERVICE_PASSWORD"),
            self.directory,
        )
    }

    pub fn config(&self, dir: &std::path::Path) -> config::Config {
        let path = dir.join("config.toml");
        let text = self.text(dir, &format!("127.0.0.1:{}", self.port.or(self.listen).unwrap_or(0)));
        let text = self.port.map_or(text.clone(), |port| text.replace("\"https://localhost\"", &format!("\"https://localhost:{port}\"")));
        write_private(&path, text).expect("written");
        config::load(&path, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub async fn start(self) -> Service {
        let dir = tempfile::tempdir().expect("a folder");
        Service::of(self.config(dir.path()), dir).await
    }
}

impl Service {
    /// Starts a service with this configuration. It owns the folder.
    pub async fn of(config: config::Config, dir: tempfile::TempDir) -> Self {
        let clock = Arc::new(ShiftedClock::default());
        let app = Box::pin(App::start(config, clock.clone() as Arc<dyn Clock>)).await.expect("started");
        let listening = http::bind(&app).await.expect("listening");
        let address = listening.address().expect("bound");
        let serving = tokio::spawn(listening.serve(app.clone(), std::future::pending())).abort_handle();
        Self { app, clock, address, dir, serving }
    }

    /// Starts a service with the default setup.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// A visitor with a browser of their own.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.address)
    }
}
