//! Times and LDAP operations of lists in a circle of 20,000 accounts, against a nested chain search.
//!
//! Run by scripts/bench, on a domain that tests/env/scale has filled.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/it/environment.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod environment;
#[path = "../tests/it/people.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod people;

use std::{sync::Arc, time::Instant};

use ldap3::{Ldap, Scope};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use os2nykode::{
    app::App,
    clock::{Clock, SystemClock},
    config,
    flow::{
        RequestContext,
        delegation::{
            lists::{self, ListKey, ListOutcome, ListQuery},
            show,
        },
    },
    model::identity::{Identity, level::AssuranceLevel},
};
use uuid::Uuid;

use environment::environment;
use people::{Admin, connect_to};

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const CHAIN: &str = "1.2.840.113556.1.4.1941";

/// Prints the median and the 99th percentile, in milliseconds.
fn spread(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!("{what:<78} p50 {:>8.1} ms  p99 {:>8.1} ms  ({} times)", at(50), at(99), times.len());
}

struct Bench {
    app: Arc<App>,
    metrics: PrometheusHandle,
    identity: Identity,
    visit: RequestContext,
}

impl Bench {
    fn operations(&self) -> u64 {
        let text = self.metrics.render();
        let counts = text.lines().filter(|line| line.starts_with("os2nykode_ldap_operations_total{"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Runs the work once and prints its milliseconds and LDAP operations.
    async fn counted<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let (before, begun) = (self.operations(), Instant::now());
        let done = work.await;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        println!("{what:<78} {took:>8.1} ms, {} LDAP operations", self.operations() - before);
        done
    }

    async fn look(&self, place: &ListKey, words: &str, page: usize) -> usize {
        let question = ListQuery { words: words.to_owned(), page };
        match lists::look(&self.app, &self.visit, &self.identity, place.clone(), &question).await.expect("read") {
            ListOutcome::Found(found) => found.accounts.len(),
            ListOutcome::Denied(denial) => panic!("{denial:?}"),
        }
    }

    async fn many(&self, what: &str, place: &ListKey, asked: &[(&str, usize)]) {
        let mut times = Vec::new();
        for (words, page) in asked {
            let begun = Instant::now();
            self.look(place, words, *page).await;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        spread(what, times);
    }
}

fn text(dir: &std::path::Path) -> String {
    let fact = |key| environment().fact(key);
    let people = fact("PEOPLE_OU");
    format!(
        "[site]\nname = \"M\"\ncontact = {{ da = \"x\" }}\n[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"http://localhost\"\nsecret = \"{SECRET}\"\n\
         [store]\nurl = \"sqlite://{}/bench.db\"\n\
         [directory]\ncontrollers = [{{ name = \"{}\", address = \"{}\" }}]\nca_file = \"{}\"\nbase_dn = \"{}\"\nsearch_bases = [\"{people}\"]\n\
         bind_user = \"{}\"\nbind_password = \"{}\"\ntimeout_seconds = 10.0\n\
         [delegation]\nad_password_level = \"substantial\"\n[delegation.circles]\nou = \"OU=Kredse,{people}\"\nadmins = \"Bench\"\n",
        dir.display(),
        fact("DC_NAME"),
        fact("DC_IP"),
        fact("CA_FILE"),
        fact("BASE_DN"),
        fact("SERVICE_UPN"),
        fact("SERVICE_PASSWORD"),
    )
}

/// A nested chain search for comparison, without paging, on a connection of its own.
async fn chain(ldap: &mut Ldap, what: &str, filter: &str) {
    let begun = Instant::now();
    let found = ldap.search(environment().fact("BASE_DN"), Scope::Subtree, filter, ["displayName"]).await.expect("sent");
    println!("{what:<78} {:>8.1} ms, {} objects (result {})", begun.elapsed().as_secs_f64() * 1000.0, found.0.len(), found.1.rc);
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let metrics = PrometheusBuilder::new().install_recorder().expect("the only one");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.toml");
    environment::write_private(&path, text(dir.path())).expect("written");
    let config = config::load(&path, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let app = App::start(config, clock.clone()).await.expect("started");
    let mut admin = Admin::new().await;
    let acting = admin.dn("skala-admin").await;
    let bench_group = format!("CN=Bench,OU=Grupper,{}", environment().fact("PEOPLE_OU"));
    admin.add_to_group(&bench_group, &acting).await;
    let (account, _) = app.directory.account(admin.guid("skala-admin").await).await.expect("read");
    let identity = Identity::from_ad_bind(&account.expect("there"), clock.now(), Uuid::nil());
    let bench = Bench {
        app,
        metrics,
        identity,
        visit: RequestContext { id: Uuid::nil(), client: [127, 0, 0, 1].into(), user_agent: None, browser: None },
    };
    assert_eq!(bench.app.config.delegation.ad_password_level, AssuranceLevel::Substantial);

    let choose = async || lists::ways(&bench.app, &bench.identity).await.expect("read").expect("allowed");
    let choices = bench.counted("from the login to the choice of lists, nothing known yet", choose()).await;
    bench.counted("the same, groups of the configuration known", choose()).await;
    let place = |name: &str| choices.lists.iter().find(|choice| choice.ground.code().ends_with(name)).expect(name).place.clone();
    let (flat, nested) = (place("Skala Alle"), place("Skala Klasser"));
    for (name, place) in [("20,000 direct members", &flat), ("20,000 members in 840 nested groups", &nested)] {
        bench.counted(&format!("{name}: first page, list read anew"), bench.look(place, "", 1)).await;
        bench.counted(&format!("{name}: page 400"), bench.look(place, "", 400)).await;
        let pages: Vec<(&str, usize)> = (1..=100).map(|n| ("", n * 4)).collect();
        bench.many(&format!("{name}: any page"), place, &pages).await;
        bench.counted(&format!("{name}: a common beginning"), bench.look(place, "an", 1)).await;
        bench.counted(&format!("{name}: a rare one"), bench.look(place, "xylofon", 1)).await;
        let words = ["anna", "mad", "so", "lau", "emma", "jens", "ka", "oli", "vi", "ba"];
        let searches: Vec<(&str, usize)> = (0..20).map(|n| (words[n % words.len()], 1)).collect();
        bench.many(&format!("{name}: searches"), place, &searches).await;
    }
    let question = ListQuery { words: String::new(), page: 1 };
    if let ListOutcome::Found(found) = lists::look(&bench.app, &bench.visit, &bench.identity, flat.clone(), &question).await.expect("read")
    {
        let target = found.accounts[0].guid;
        bench
            .counted("an account's page", async { show::show(&bench.app, &bench.visit, &bench.identity, target).await.expect("read") })
            .await;
    }

    println!();
    let mut ldap = connect_to(environment().fact("DC_IP")).await;
    let fact = |key| environment().fact(key);
    ldap.simple_bind(fact("ADMIN_DN"), fact("ADMIN_PASSWORD")).await.expect("sent").success().expect("the administrator");
    chain(&mut ldap, "chain search: the groups of the admin, as at every login", &format!("(member:{CHAIN}:={acting})")).await;
    let circle = format!("CN=Skala Klasser,OU=Kredse,{}", fact("PEOPLE_OU"));
    chain(
        &mut ldap,
        "chain search: everybody in the nested circle, without pages",
        &format!("(&(objectCategory=person)(memberOf:{CHAIN}:={circle}))"),
    )
    .await;
}
