//! Leaked passwords: is the list there, whole and not too old, and does the online service answer? Only well-known passwords are looked up.

use std::{path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Id, Report};
use crate::{
    clock::{Clock, SystemClock},
    config::{LeakedConfig, LeakedOnline},
    leaked::{ListError, ListHeader, Offline, OfflineError, Online, OnlineError},
    model::{credential::password::Password, leaked::WhenUnavailable},
};

/// The list is published about twice a year.
const OLD: SignedDuration = SignedDuration::from_hours(24 * 365);
/// Every whole list holds both, and both a hundred thousand times.
const KNOWN: [&str; 2] = ["password", "123456"];
const IMPORT: &str = "download the list and run `os2nykode leaked import`, then reload the service: docs/passwords.md";

/// Looks at what `[policy.leaked]` names. Without the section there is nothing to look at.
pub async fn check(settings: &LeakedConfig, clock: &dyn Clock, report: &mut Report) {
    let mut usable = false;
    if let Some(file) = &settings.file {
        usable |= list(file, clock.now(), report).await;
    }
    if let Some(online) = &settings.online {
        usable |= service(online, report).await;
    }
    if settings.is_on() && !usable && settings.when_unavailable == WhenUnavailable::Refuse {
        let what = "neither the file nor the online service can be asked, and when_unavailable is \"refuse\"";
        report.problem(Id::LeakedRefusesAll, "policy.leaked", what, "mend one of them, or let when_unavailable be \"accept\" until then");
    }
}

/// Can the list be asked?
async fn list(file: &Path, now: Timestamp, report: &mut Report) -> bool {
    const AREA: &str = "policy.leaked.file";
    let (offline, opened) = Offline::open(file, None).await;
    let header = match (opened, offline.header()) {
        (Ok(()), Some(header)) => header.clone(),
        (Err(OfflineError::List(ListError::Io(error))), _) if error.kind() == std::io::ErrorKind::NotFound => {
            report.problem(Id::LeakedListMissing, AREA, &format!("{}: {error}", file.display()), IMPORT);
            return false;
        }
        (Err(error), _) => {
            report.problem(Id::LeakedListUnreadable, AREA, &format!("{}: {error}", file.display()), IMPORT);
            return false;
        }
        (Ok(()), None) => return false,
    };
    let mut found = Vec::new();
    for text in KNOWN {
        let Ok(password) = Password::parse(text.to_owned()) else { continue };
        match offline.look_up(&password).await {
            Ok(count) => found.extend(count),
            Err(error) => {
                report.problem(Id::LeakedListUnreadable, AREA, &error.to_string(), IMPORT);
                return false;
            }
        }
    }
    report.ok(AREA, &facts(&header, now));
    if header.partial {
        report.warning(Id::LeakedListPart, AREA, "the list was imported with --partial", IMPORT);
    } else if found.len() < KNOWN.len() {
        let what = "the list does not hold \"password\" and \"123456\", which every whole list holds";
        report.warning(Id::LeakedListWrong, AREA, what, IMPORT);
    }
    let age = now.duration_since(header.source_modified);
    if age > OLD {
        let what = format!("the list was downloaded {} days ago", age.as_hours() / 24);
        report.warning(Id::LeakedListOld, AREA, &what, IMPORT);
    }
    true
}

/// How old the list is and how many hashes it holds.
pub fn facts(header: &ListHeader, now: Timestamp) -> String {
    let days = now.duration_since(header.source_modified).as_hours() / 24;
    format!("{} hashes ({}), downloaded {days} days ago", header.hashes, header.kind)
}

/// Does the service answer?
async fn service(settings: &LeakedOnline, report: &mut Report) -> bool {
    const AREA: &str = "policy.leaked.online";
    if settings.address.starts_with("http:") && !crate::model::address::is_safe_address(&settings.address) {
        report.warning(Id::LeakedOnlineInClear, AREA, "the service is asked in clear", "let address begin with https://");
    }
    let online = match Online::new(&settings.address, settings.ca_file.as_deref(), Arc::new(SystemClock)) {
        Ok(online) => online,
        Err(error) => {
            report.problem(Id::LeakedOnlineFailed, AREA, &error.to_string(), "correct ca_file");
            return false;
        }
    };
    match online.probe().await {
        Ok(count) => {
            report.ok(AREA, &format!("the service answers; it has seen \"password\" {count} times"));
            true
        }
        Err(error) => {
            let id = if error == OnlineError::Unknowing { Id::LeakedOnlineUnknowing } else { Id::LeakedOnlineFailed };
            report.problem(id, AREA, &error.to_string(), advice(&error));
            false
        }
    }
}

fn advice(error: &OnlineError) -> &'static str {
    match error {
        OnlineError::Http(_) => "see that this machine may reach it, and that ca_file holds its CA; without a way out, use file instead",
        OnlineError::Status(300..=399) => "redirects are not followed: write the address that it answers at",
        OnlineError::Status(_) | OnlineError::NotRange(_) | OnlineError::SameAnswer | OnlineError::Unknowing => {
            "correct address: /range/ and five digits are added to it. A mirror has to hold the whole list of SHA-1 hashes"
        }
        OnlineError::Pause | OnlineError::Busy | OnlineError::Ended => "run the check again in a minute",
    }
}
