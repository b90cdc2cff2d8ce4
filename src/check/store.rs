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
            report.ok(AREA, "the database is not there yet; it is made at the first start");
        } else {
            let what = format!("the folder of {} is not there", path.display());
            report.problem(Id::StoreFolderMissing, AREA, &what, "make it, writable for the service's user only");
        };
    }
    if !config.store.verified {
        let what =
            "its URL does not ask for a verified certificate: whoever stands in between gets its password and can change what is stored";
        let remedy =
            "take sslmode out of store.url, which makes it verify-full, and name the CA of the database with sslrootcert=/path/ca.pem";
        report.warning(Id::StoreTlsWeak, AREA, what, remedy);
    }
    let look = match inspect::look(url).await {
        Ok(look) => look,
        Err(error) => {
            let remedy = "see that the database runs, that this machine may reach it, and that store.url is right";
            return report.problem(Id::StoreUnreachable, AREA, &error.to_string(), remedy);
        }
    };
    report.ok(AREA, "the store can be opened and answers");
    if let Some(why) = look.not_writable {
        let remedy = "run the check as the service's user (sudo -u os2nykode); if it stays so, give that user the right to write";
        report.problem(Id::StoreNotWritable, AREA, &format!("this user can't write there: {why}"), remedy);
    }
    let known = Store::version_of(url);
    match look.version {
        None => report.ok(AREA, "it is empty: the tables are made at the first start"),
        Some(version) if version > known => report.problem(
            Id::StoreNewer,
            AREA,
            &format!("a newer version of the service has written it (migration {version}, we know {known})"),
            "install that version again, or restore the backup from before the update",
        ),
        Some(version) if version < known => {
            let what = format!("its tables are of an older version (migration {version} of {known})");
            report.warning(Id::StoreOlder, AREA, &what, "make a backup, then start the service: it brings them up to date");
        }
        Some(_) => {}
    }
}
