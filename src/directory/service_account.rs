//! How the service account proves itself, and when it may not even try.
//!
//! Invariant: a wrong password is not tried again and again: whoever asks for `/health/ready` once a second would lock the account in seconds, and with it
//! the whole service.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use metrics::{counter, gauge};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{error, info, warn};

use super::{BindAnswer, Fault, answer};
use crate::config;

/// The pause after each refusal in a row. AD counts wrong passwords for 30 minutes where nothing else is configured.
const PAUSES: [Duration; 3] = [Duration::from_mins(15), Duration::from_mins(30), Duration::from_hours(1)];
/// Binds at the same time: as many wrong tries a password can cost that has just become wrong. Not one: a controller that stalls must not hold up the others.
const AT_ONCE: usize = 2;

/// The account, its password, and what AD said of it last.
#[derive(Debug)]
pub(crate) struct ServiceAccount {
    user: String,
    file: Option<PathBuf>,
    binds: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    password: SecretString,
    refused: Option<Refused>,
}

/// The password was wrong.
#[derive(Debug)]
struct Refused {
    times: usize,
    until: Instant,
    text: String,
}

/// The right to send one bind.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub password: SecretString,
    _permit: SemaphorePermit<'a>,
}

impl ServiceAccount {
    /// As configured.
    pub fn new(config: &config::Directory) -> Self {
        let state = State { password: config.bind_password.clone(), refused: None };
        Self {
            user: config.bind_user.clone(),
            file: config.bind_password_file.clone(),
            binds: Semaphore::new(AT_ONCE),
            state: Mutex::new(state),
        }
    }

    /// The name that it logs in with.
    pub fn user(&self) -> &str {
        &self.user
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. `Err`: the password was wrong, and the pause is not over; a file that holds another password ends it.
    pub async fn turn(&self) -> Result<Turn<'_>, Fault> {
        let permit = self.binds.acquire().await.map_err(|_| Fault::Busy)?;
        let password = self.password_at(Instant::now())?;
        Ok(Turn { password, _permit: permit })
    }

    fn password_at(&self, now: Instant) -> Result<SecretString, Fault> {
        let mut state = self.state();
        let Some(refused) = &state.refused else { return Ok(state.password.clone()) };
        if now < refused.until {
            let fault = Fault::ServiceBind(refused.text.clone());
            return self.another(&mut state).ok_or(fault);
        }
        // One bind tries again; the others wait for its answer.
        let pause = pause(refused.times + 1);
        if let Some(refused) = &mut state.refused {
            refused.until = now + pause;
        }
        Ok(self.another(&mut state).unwrap_or_else(|| state.password.clone()))
    }

    /// The password of the file, if it is not the one that was tried last.
    fn another(&self, state: &mut State) -> Option<SecretString> {
        let read = config::Directory::read_bind_password(self.file.as_deref()?)?;
        if read.expose_secret() == state.password.expose_secret() {
            return None;
        }
        info!("the file of the service account's password holds another one, which is taken");
        state.password = read.clone();
        Some(read)
    }

    /// Takes another password, which may be tried at once. `false`: it is the one that was known.
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

    /// AD has let it in.
    pub fn accepted(&self) {
        if self.state().refused.take().is_some() {
            info!("the service account can log in again");
        }
        gauge!("ldap_service_account_refused").set(0.0);
    }

    /// AD has refused it. `Some`: the file holds another password, which may be tried at once.
    pub fn refused(&self, rc: u32, text: &str, tried: &SecretString) -> Option<SecretString> {
        counter!("ldap_service_account_refusals_total").increment(1);
        gauge!("ldap_service_account_refused").set(1.0);
        let told = answer::readable(text);
        if answer::of_bind(rc, text) != Ok(BindAnswer::Wrong) {
            warn!(result = rc, text = told, "the service account was refused");
            return None;
        }
        let mut state = self.state();
        // Somebody else has taken another one meanwhile.
        if state.password.expose_secret() != tried.expose_secret() {
            return Some(state.password.clone());
        }
        if let Some(other) = self.another(&mut state) {
            return Some(other);
        }
        let times = state.refused.as_ref().map_or(1, |refused| refused.times + 1);
        let minutes = pause(times).as_secs() / 60;
        if times == 1 {
            error!(
                text = told,
                minutes, "the service account's password is wrong: it is not tried again for a while; correct directory.bind_password_file"
            );
        } else {
            warn!(text = told, minutes, "the service account's password is still wrong");
        }
        state.refused = Some(Refused { times, until: Instant::now() + pause(times), text: told });
        None
    }
}

fn pause(times: usize) -> Duration {
    PAUSES[times.clamp(1, PAUSES.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: &str = "80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data 52e, v2580\0";
    const LOCKED: &str = "80090308: LdapErr: DSID-0C090451, comment: AcceptSecurityContext error, data 775, v3839\0";

    fn account(file: Option<PathBuf>) -> ServiceAccount {
        let state = State { password: SecretString::from("gammel"), refused: None };
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
