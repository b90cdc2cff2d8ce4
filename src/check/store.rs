//! Check of the database: connection, write access, schema version and TLS. It creates and migrates nothing.

use secrecy::ExposeSecret;

use super::{Id, Report};
use crate::{
    config::Config,
    store::{self, Store, inspect},
};

const AREA: &str = "store";

/// Runs the check.
pub(super) async fn check(config: &Config, report: &mut Report) {
    let url = config.store.url.expose_secret();
    // The check may run as another user than the service, which could not open a database that is created here.
    if let Some(path) = store::missing_file(url) {
        let folder = path.parent().is_some_and(std::path::Path::is_dir);
        return if folder {
            report.ok(AREA, "the database does not exist yet; the first start creates it");
        } else {
            let what = format!("the folder of {} does not exist", path.display());
            report.problem(Id::StoreFolderMissing, AREA, &what, "create it, writable for the service's user only");
        };
    }
    if !config.store.verified {
        let what =
            "its URL does not require a verified certificate: a man in the middle gets the database password and can change stored data";
        let remedy = "remove sslmode from store.url (the default is verify-full), and add sslrootcert=/path/ca.pem with the database's CA";
        report.warning(Id::StoreTlsWeak, AREA, what, remedy);
    }
    let look = match inspect::look(url).await {
        Ok(look) => look,
        Err(error) => {
            let remedy = "check that the database runs, that this machine can reach it, and that store.url is correct";
            return report.problem(Id::StoreUnreachable, AREA, &error.to_string(), remedy);
        }
    };
    report.ok(AREA, "the database answers");
    if let Some(why) = look.not_writable {
        let remedy = "run the check as the service's user (sudo -u os2nykode); if the problem stays, give that user write access";
        report.problem(Id::StoreNotWritable, AREA, &format!("this user cannot write to the database: {why}"), remedy);
    }
    let known = Store::version_of(url);
    match look.version {
        None => report.ok(AREA, "it is empty; the first start creates the tables"),
        Some(version) if version > known => report.problem(
            Id::StoreNewer,
            AREA,
            &format!("its tables are of a newer version (migration {version}; this program knows {known})"),
            "install that version again, or restore the backup from before the update",
        ),
        Some(version) if version < known => {
            let what = format!("its tables are of an older version (migration {version} of {known})");
            report.warning(Id::StoreOlder, AREA, &what, "make a backup, then start the service, which migrates them");
        }
        Some(_) => {}
    }
}
