//! Binds of the service account, and the pauses after a wrong password.
//!
//! Invariant: a wrong password is not retried without a pause. Otherwise a health check every second would lock the account within seconds,
//! and the service with it.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use metrics::{counter, gauge};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{error, info, warn};

use crate::config;
use crate::directory::{BindAnswer, DirectoryError, password::answer};

/// Pause after each consecutive refusal. By default AD counts wrong passwords for 30 minutes.
const PAUSES: [Duration; 3] = [Duration::from_mins(15), Duration::from_mins(30), Duration::from_hours(1)];
/// Concurrent binds: the number of wrong attempts that a password can cost at the moment it becomes wrong. More than one, so that a stalled
/// controller does not block the others.
const AT_ONCE: usize = 2;

/// The account, its password, and its last refusal.
#[derive(Debug)]
pub(crate) struct ServiceAccount {
    user: String,
    file: Option<PathBuf>,
    binds: Semaphore,
    state: Mutex<ServiceAccountState>,
}

#[derive(Debug)]
struct ServiceAccountState {
    password: SecretString,
    refused: Option<WrongPassword>,
}

/// A wrong password.
#[derive(Debug)]
struct WrongPassword {
    times: usize,
    until: Instant,
    text: String,
}

/// Permission to send one bind.
#[derive(Debug)]
pub(crate) struct BindPermit<'a> {
    pub password: SecretString,
    _permit: SemaphorePermit<'a>,
}

impl ServiceAccount {
    pub fn new(config: &config::DirectoryConfig) -> Self {
        let state = ServiceAccountState { password: config.bind_password.clone(), refused: None };
        Self {
            user: config.bind_user.clone(),
            file: config.bind_password_file.clone(),
            binds: Semaphore::new(AT_ONCE),
            state: Mutex::new(state),
        }
    }

    /// The name of the bind.
    pub fn user(&self) -> &str {
        &self.user
    }

    fn state(&self) -> MutexGuard<'_, ServiceAccountState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for permission to bind. `Err`: the last password was wrong and the pause is not over. A new password in the file ends the
    /// pause.
    pub async fn turn(&self) -> Result<BindPermit<'_>, DirectoryError> {
        let permit = self.binds.acquire().await.map_err(|_| DirectoryError::Busy)?;
        let password = self.password_at(Instant::now())?;
        Ok(BindPermit { password, _permit: permit })
    }

    fn password_at(&self, now: Instant) -> Result<SecretString, DirectoryError> {
        let mut state = self.state();
        let Some(refused) = &state.refused else { return Ok(state.password.clone()) };
        if now < refused.until {
            let fault = DirectoryError::ServiceBind(refused.text.clone());
            return self.another(&mut state).ok_or(fault);
        }
        // One bind tries again; the others wait for its result.
        let pause = pause(refused.times + 1);
        if let Some(refused) = &mut state.refused {
            refused.until = now + pause;
        }
        Ok(self.another(&mut state).unwrap_or_else(|| state.password.clone()))
    }

    /// The password in the file, if it differs from the last one.
    fn another(&self, state: &mut ServiceAccountState) -> Option<SecretString> {
        let read = config::DirectoryConfig::read_bind_password(self.file.as_deref()?)?;
        if read.expose_secret() == state.password.expose_secret() {
            return None;
        }
        info!("new service account password read from its file");
        state.password = read.clone();
        Some(read)
    }

    /// Sets a new password, which may be tried at once. `false`: it is the current one.
    pub fn renew(&self, password: &str) -> bool {
        let mut state = self.state();
        if state.password.expose_secret() == password {
            return false;
        }
        state.password = SecretString::from(password.to_owned());
        if let Some(refused) = &mut state.refused {
            refused.until = Instant::now();
        }
        true
    }

    /// Records a successful bind.
    pub fn accepted(&self) {
        if self.state().refused.take().is_some() {
            info!("service account accepted again");
        }
        gauge!("os2nykode_ldap_service_account_refused").set(0.0);
    }

    /// Records a refused bind. `Some`: another password, which may be tried at once.
    pub fn refused(&self, rc: u32, text: &str, tried: &SecretString) -> Option<SecretString> {
        counter!("os2nykode_ldap_service_account_refusals_total").increment(1);
        gauge!("os2nykode_ldap_service_account_refused").set(1.0);
        let told = answer::readable(text);
        if answer::of_bind(rc, text) != Ok(BindAnswer::Wrong) {
            warn!(result = rc, text = told, "service account refused");
            return None;
        }
        let mut state = self.state();
        // Another task has set a new password in the meantime.
        if state.password.expose_secret() != tried.expose_secret() {
            return Some(state.password.clone());
        }
        if let Some(other) = self.another(&mut state) {
            return Some(other);
        }
        let times = state.refused.as_ref().map_or(1, |refused| refused.times + 1);
        let minutes = pause(times).as_secs() / 60;
        if times == 1 {
            error!(text = told, minutes, "wrong password of the service account; binds paused; correct directory.bind_password_file");
        } else {
            warn!(text = told, minutes, "service account password still wrong; binds paused");
        }
        state.refused = Some(WrongPassword { times, until: Instant::now() + pause(times), text: told });
        None
    }
}

fn pause(times: usize) -> Duration {
    PAUSES[times.clamp(1, PAUSES.len()) - 1]
}

#[cfg(test)]
mod tests {
    use crate::directory::session::service_account::*;

    const WRONG: &str = "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data 52e, v2580\0";
    const LOCKED: &str = "80090308: LdapErr: DSID-0C090451, comment: AcceptSecurityContext error, data 775, v3839\0";

    fn account(file: Option<PathBuf>) -> ServiceAccount {
        let state = ServiceAccountState { password: SecretString::from("gammel"), refused: None };
        ServiceAccount { user: "svc".into(), file, binds: Semaphore::new(AT_ONCE), state: Mutex::new(state) }
    }

    fn tried(account: &ServiceAccount) -> SecretString {
        account.state().password.clone()
    }

    #[test]
    fn a_wrong_password_waits_longer_each_time_and_then_is_tried_once() {
        let account = account(None);
        for (times, minutes) in [(1, 15), (2, 30), (3, 60), (4, 60)] {
            assert!(account.refused(49, WRONG, &tried(&account)).is_none());
            let now = Instant::now();
            assert!(account.password_at(now).is_err(), "{times}");
            assert!(account.password_at(now + Duration::from_secs(60 * minutes - 5)).is_err(), "{times}");
            let later = now + Duration::from_secs(60 * minutes + 1);
            assert!(account.password_at(later).is_ok(), "{times}");
            assert!(account.password_at(later).is_err(), "{times}: only one tries again");
        }
        account.accepted();
        assert!(account.password_at(Instant::now()).is_ok());
    }

    #[test]
    fn a_renewed_password_is_tried_at_once() {
        let account = account(None);
        assert!(account.refused(49, WRONG, &tried(&account)).is_none());
        assert!(!account.renew("gammel"), "it is known, and wrong");
        assert!(account.password_at(Instant::now()).is_err());
        assert!(account.renew("ny"));
        assert_eq!(account.password_at(Instant::now()).expect("another").expose_secret(), "ny");
    }

    #[test]
    fn what_costs_no_try_makes_no_pause() {
        let account = account(None);
        for (rc, text) in [(49, LOCKED), (51, ""), (8, "")] {
            assert!(account.refused(rc, text, &tried(&account)).is_none());
            assert!(account.password_at(Instant::now()).is_ok(), "{rc} {text}");
        }
    }

    #[test]
    fn another_password_in_the_file_is_tried_at_once_and_the_same_one_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        let write = |text: &str| {
            std::fs::write(&file, text).expect("written");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        };
        write("gammel\n");
        let account = account(Some(file.clone()));
        assert!(account.refused(49, WRONG, &tried(&account)).is_none(), "the same");
        assert!(account.password_at(Instant::now()).is_err());
        write("ny\n");
        assert_eq!(account.password_at(Instant::now()).expect("another").expose_secret(), "ny");
        assert!(account.password_at(Instant::now()).is_err(), "it is tried once");
        write("nyere\n");
        assert_eq!(account.refused(49, WRONG, &tried(&account)).expect("another").expose_secret(), "nyere");
    }
}
