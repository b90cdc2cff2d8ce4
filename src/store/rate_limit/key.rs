//! Keys of the rate limits: the attempts that are counted together.

use std::net::{IpAddr, Ipv6Addr};

use uuid::Uuid;

use crate::{
    model::{ad::guid::ObjectGuid, rate_limit::delay::DelayLimits},
    store::DerivedKeys,
};

/// A site gets one IPv6 /48 with 65,536 /64 (RFC 6177). The /48 has this many times the attempts before a delay of one /64.
const SITE: u32 = 4;

/// The key of one count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleKey {
    pub(crate) name: String,
    /// Shared by many people: attempts under way hardly count.
    pub(crate) shared: bool,
}

impl ThrottleKey {
    fn of(name: String) -> Self {
        Self { name, shared: false }
    }

    /// An account name, stored as a keyed fingerprint, because people type passwords into the wrong field.
    pub fn name(keys: &DerivedKeys, name: &str) -> Self {
        Self::of(format!("name:{}", keys.fingerprint(name)))
    }

    /// A name typed with a one-time code, by client network. Separate, so that neither wrong passwords nor wrong codes from elsewhere delay
    /// the owner of the code.
    pub fn code(keys: &DerivedKeys, name: &str, address: IpAddr) -> Self {
        Self::of(format!("{}{}", code_prefix(keys, name), widest(address)))
    }

    /// The name of a local account, by client network. Separate, so that wrong logins from elsewhere do not delay its owner.
    pub fn staff(keys: &DerivedKeys, name: &str, address: IpAddr) -> Self {
        Self::of(format!("staff:{}:{}", keys.fingerprint(name), widest(address)))
    }

    /// Wrong TOTP codes with the right password of a local account. Only a person with the password can fill this count.
    pub fn second_factor(account: Uuid) -> Self {
        Self::of(format!("second-factor:{account}"))
    }

    /// An account. AD takes names without regard to case, width and accents; all spellings share this count.
    pub fn account(account: ObjectGuid) -> Self {
        Self::of(format!("account:{account}"))
    }

    /// A known browser, for all account names typed there.
    pub fn browser(browser: Uuid) -> Self {
        Self::of(format!("browser:{browser}"))
    }

    /// Attempts on an account from a known browser. Separate, so that strangers cannot add to it.
    pub fn account_in_browser(account: ObjectGuid, browser: Uuid) -> Self {
        Self::of(format!("browser:{browser}:{account}"))
    }

    /// Changes of an account's password by its owner. Separate, so that wrong logins by strangers do not delay changes.
    pub fn change(account: ObjectGuid) -> Self {
        Self::of(format!("change:{account}"))
    }

    /// Audit entries of an actor's denied delegation requests. Delays neither other people at the same address nor the actor's logins.
    pub fn denied(person: ObjectGuid) -> Self {
        Self::of(format!("denied:{person}"))
    }

    /// An actor's delegation requests for accounts without a relation. Delays no other person.
    pub fn stranger(person: ObjectGuid) -> Self {
        Self::of(format!("stranger:{person}"))
    }

    /// Queries of the family service for a person.
    pub fn family(person: ObjectGuid) -> Self {
        Self::of(format!("family:{person}"))
    }

    /// Unlocks of an account by others: repeated unlocks would allow unlimited guessing of its password.
    pub fn unlock(account: ObjectGuid) -> Self {
        Self::of(format!("unlock:{account}"))
    }

    /// Clients of the audit log's API, by network. Separate, so that a program with an old token does not delay logins.
    pub fn api(address: IpAddr, limits: DelayLimits) -> Vec<(Self, DelayLimits)> {
        networks(address).map(|(network, factor)| (Self::of(format!("api:{network}")), limits.times(factor))).collect()
    }

    /// Logins at a provider that ended without an answer, by client network. They are no guesses, but each is an audit entry.
    pub fn given_up(address: IpAddr, limits: DelayLimits) -> Vec<(Self, DelayLimits)> {
        networks(address).map(|(network, factor)| (Self::of(format!("given-up:{network}")), limits.times(factor))).collect()
    }

    /// A client's network: one IPv4 address; or one IPv6 /64, which is one household, and the /48 around it, with more attempts.
    pub fn address(address: IpAddr, limits: DelayLimits) -> Vec<(Self, DelayLimits)> {
        let shared = |network| Self { name: format!("address:{network}"), shared: true };
        networks(address).map(|(network, factor)| (shared(network), limits.times(factor))).collect()
    }
}

/// Prefix of the counts of all one-time codes that are typed with a name.
pub(crate) fn code_prefix(keys: &DerivedKeys, name: &str) -> String {
    format!("code:{}:", keys.fingerprint(name))
}

/// The networks of an address, narrowest first, each with its factor on the attempts before a delay.
fn networks(address: IpAddr) -> impl Iterator<Item = (String, u32)> {
    let (narrow, wide) = match address.to_canonical() {
        IpAddr::V4(v4) => (v4.to_string(), None),
        IpAddr::V6(v6) => (network(v6, 64), Some((network(v6, 48), SITE))),
    };
    std::iter::once((narrow, 1)).chain(wide)
}

/// First address of the widest network of an address.
pub fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(first_of(v6, 48)),
    }
}

fn widest(address: IpAddr) -> String {
    networks(address).last().map(|(network, _)| network).unwrap_or_default()
}

fn network(address: Ipv6Addr, bits: u32) -> String {
    format!("{}/{bits}", first_of(address, bits))
}

fn first_of(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> bits))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use crate::store::rate_limit::key::*;

    const LIMITS: DelayLimits = DelayLimits {
        attempts_before_delay: 50,
        first_delay: SignedDuration::from_secs(10),
        max_delay: SignedDuration::from_mins(5),
        reset_after: SignedDuration::from_hours(1),
    };

    fn counted(text: &str) -> Vec<(String, u32)> {
        let keys = ThrottleKey::address(text.parse().expect("an address"), LIMITS);
        keys.into_iter().map(|(key, limits)| (key.name, limits.attempts_before_delay)).collect()
    }

    #[test]
    fn an_ipv6_household_and_its_site_are_counted_and_a_mapped_ipv4_address_as_itself() {
        let home = counted("2001:db8:1:2:3:4:5:6");
        assert_eq!(home, [("address:2001:db8:1:2::/64".to_owned(), 50), ("address:2001:db8:1::/48".to_owned(), 200)]);
        assert_eq!(counted("2001:db8:1:2::9"), home);
        let neighbour = counted("2001:db8:1:3::9");
        assert_ne!(neighbour[0], home[0]);
        assert_eq!(neighbour[1], home[1]);
        assert_eq!(counted("::ffff:192.0.2.1"), counted("192.0.2.1"));
        assert_eq!(counted("192.0.2.1"), [("address:192.0.2.1".to_owned(), 50)]);
    }

    #[test]
    fn a_name_with_an_address_is_counted_by_the_site() {
        let keys = DerivedKeys::new(&[1; 32]);
        let key = |text: &str| ThrottleKey::staff(&keys, "anna", text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:2:2::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
