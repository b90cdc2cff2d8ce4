//! Passwords that every list contains, and some with unusual characters.

/// A password, its digests in the form of the published lists (by another implementation), and a possible count.
pub struct Vector {
    pub text: &'static str,
    pub sha1: &'static str,
    pub nt: &'static str,
    pub count: u64,
}

pub const VECTORS: &[Vector] = &[
    Vector { text: "password", sha1: "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", nt: "8846F7EAEE8FB117AD06BDD830B7586C", count: 9_659_365 },
    Vector { text: "123456", sha1: "7C4A8D09CA3762AF61E59520943DC26494F8941B", nt: "32ED87BDB5FDC5E9CBA88547376818D4", count: 37_359_195 },
    Vector { text: "andrew", sha1: "02E0A999C50B1F88DF7A8F5A04E1B76B35EA6A88", nt: "651DE33D6CDF9231B43056FF7071601F", count: 228_451 },
    Vector { text: "password1104", sha1: "0000F3FB7B012CB1B41F3D0D5A589D65EA7B7808", nt: "F29CF5B9D90CD25FA1302B4E119CD326", count: 12 },
    Vector { text: "946399", sha1: "00000CB4A5D760DE88FECB38E2F71B7BEC52E834", nt: "F92058169D03D2510949A7E04E33DFF1", count: 31 },
    Vector { text: "Sommer2024!", sha1: "0CC6D201ED48A2264961EF696EF553F6BEC2E457", nt: "21E9A94A5A02AFE9E53EF2B2A944483B", count: 47 },
    Vector {
        text: "bl\u{e5}b\u{e6}r",
        sha1: "B34A60BB4D696A8A95B7C01BA9FC34A4F0EFC9B7",
        nt: "ADE9CC6D12AAA425FFB440EC1714ED89",
        count: 1032,
    },
    Vector {
        text: "🔥🔥🔥🔥", sha1: "68EF36EB25346C763F3271AF680A107872D11F51", nt: "3F6C1CA71AF42558B5A0787458D11185", count: 214
    },
    Vector { text: "   ", sha1: "088FB1A4AB057F4FCF7D487006499060C7FE5773", nt: "E5986E48146AB6A5F677DDA1B1766351", count: 3412 },
    Vector {
        text: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        sha1: "9C78512AD150C8B5D8918395AD0E5169397D2B62",
        nt: "9118F6CE48955B5CA2BE01329E7F959E",
        count: 4,
    },
    Vector { text: "Velkommen1234", sha1: "BE59B870DFA7A511DE160A787006949FF81F5CF7", nt: "69CE5742FB352E90E9F819387FA7CFE2", count: 2210 },
];
