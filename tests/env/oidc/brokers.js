// Each provider's claims about people, like those of the broker that it imitates. Claims without a scope are never sent.
const neb = {
  par: true,
  claims: {
    openid: ['sub', 'idp', 'loa', 'ial', 'aal', 'identity_type', 'mitid.uuid', 'transaction_id'],
    ssn: ['dk.cpr', 'mitid.identity_name'],
    profile: ['name'],
  },
  // The CPR number comes from UserInfo only.
  say: (use, scopes, person) =>
    use === 'id_token'
      ? { idp: 'mitid', transaction_id: crypto.randomUUID(), ...person.id_token }
      : { ...person.userinfo, ...(scopes.includes('ssn') ? person.ssn : {}) },
};

const idura = {
  par: false,
  claims: {
    openid: ['sub', 'authenticationtype', 'loA', 'identityscheme', 'uuid', 'name', 'address', 'https://data.gov.dk/concept/core/nsis/loa'],
    ssn: ['cprNumberIdentifier'],
    profile: [],
  },
  say: (_, scopes, person) => ({ identityscheme: 'dkmitid', ...person.id_token, ...(scopes.includes('ssn') ? person.ssn : {}) }),
};

export const brokers = { neb, idura };
