//! Errors between the service and a controller. They go to the log only, and identify no person and hold no secret.

use ldap3::LdapError;

/// An error of the directory. Only an operator can correct it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No controller is configured, or none was tried.
    #[error("no domain controller is configured or usable")]
    NoController,
    /// TCP or TLS to the controller failed. No LDAP message was sent.
    #[error("the controller can't be reached: {0}")]
    Unreachable(String),
    #[error("the controller did not answer in time")]
    TimedOut,
    /// A controller that was asked later answered earlier.
    #[error("the controller is slower than another one that was asked later")]
    Slow,
    /// A search exceeds its timeout although the controller answers: its attribute probably has no index.
    #[error("a search took too long on a controller that is well; its attribute may lack an index (searchFlags)")]
    SearchTooSlow,
    /// The password was written on another controller, which is down.
    #[error("the account's new password has not been replicated to this controller yet; it would count as wrong here")]
    NotReplicated,
    /// A read-only controller, which can't write passwords.
    #[error("the controller is read-only, which is not supported")]
    ReadOnlyController,
    /// The connection ended or carried data that is not LDAP.
    #[error("the connection was lost: {0}")]
    ConnectionLost(String),
    /// All slots of the controller are taken.
    #[error("more concurrent operations than directory.pool_size allows")]
    Busy,
    /// AD refused the service account's bind, or it is paused after a wrong password.
    #[error("the service account was refused: {0}")]
    ServiceBind(String),
    /// An LDAP result that is an error.
    #[error("the controller answered {rc}: {text}")]
    Answer {
        /// LDAP result code (RFC 4511, section 4.1.9).
        rc: u32,
        /// AD's diagnostic message without values (`answer::readable`).
        text: String,
    },
    /// A write reached a read-only controller, which did nothing.
    #[error("the controller is read-only and refers to another one; remove it from directory.controllers ({0})")]
    ReadOnly(String),
    /// A mandatory attribute is missing in an answer: the service account may not read it.
    #[error("attribute {0} can't be read; the service account may lack the right")]
    Unreadable(&'static str),
    /// The account's password settings object can't be read.
    #[error("the password settings object {0} can't be read; give the service account read access to it")]
    PolicyUnreadable(String),
    /// A configured group does not exist or is no security group.
    #[error("the configured group {0:?} does not exist or is no security group")]
    GroupMissing(String),
    /// A value that should identify one person is in more accounts than one person has.
    #[error("attribute {0} has one value in more than 20 accounts; it does not identify a person")]
    TooMany(String),
}

impl DirectoryError {
    /// Whether the error concerns one account. A login must not answer it in a way that reveals that the account exists.
    pub fn is_about_one_account(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::PolicyUnreadable(_) | Self::TooMany(_) => true,
            Self::NoController
            | Self::Unreachable(_)
            | Self::TimedOut
            | Self::Slow
            | Self::SearchTooSlow
            | Self::NotReplicated
            | Self::ReadOnlyController
            | Self::ConnectionLost(_)
            | Self::Busy
            | Self::ServiceBind(_)
            | Self::Answer { .. }
            | Self::ReadOnly(_)
            | Self::GroupMissing(_) => false,
        }
    }

    /// Whether the controller failed, so that another one may succeed.
    pub(crate) fn is_the_controllers(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::TimedOut
            | Self::Slow
            | Self::ReadOnlyController
            | Self::ConnectionLost(_)
            | Self::ServiceBind(_)
            | Self::NoController => true,
            // 51 busy, 52 unavailable (RFC 4511, appendix A.1).
            Self::Answer { rc, .. } => matches!(rc, 51 | 52),
            Self::Busy
            | Self::SearchTooSlow
            | Self::NotReplicated
            | Self::ReadOnly(_)
            | Self::Unreadable(_)
            | Self::PolicyUnreadable(_)
            | Self::GroupMissing(_)
            | Self::TooMany(_) => false,
        }
    }
}

impl From<LdapError> for DirectoryError {
    /// Keeps the kind, never the content: a library error may carry the request.
    fn from(error: LdapError) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum, which grows")]
        match error {
            LdapError::LdapResult { result } => crate::directory::password::answer::answered(result.rc, &result.text),
            LdapError::Timeout { .. } => Self::TimedOut,
            LdapError::Io { source } => Self::ConnectionLost(source.to_string()),
            LdapError::OpSend { .. } | LdapError::ResultRecv { .. } | LdapError::EndOfStream => Self::ConnectionLost("closed".into()),
            LdapError::Rustls { source } => Self::Unreachable(source.to_string()),
            _ => Self::ConnectionLost("not LDAP".into()),
        }
    }
}
