// An OpenID provider of the tests: `node provider.js NAME DIR`.
// A certified library implements the protocol. This file makes it like a Danish broker.
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import Provider from 'oidc-provider';
import { brokers } from './brokers.js';
import { adapter } from './files.js';
import { login } from './login.js';

const [name, dir] = process.argv.slice(2);
const broker = brokers[name];
const issuer = new URL(process.env.OIDC_ISSUER);
const read = (file) => JSON.parse(fs.readFileSync(path.join(dir, name, file)));
const person = (user) => read(path.join('people', `${path.basename(user)}.json`));

const provider = new Provider(issuer.href.replace(/\/$/, ''), {
  adapter: adapter(path.join(dir, name, 'clients')),
  jwks: read('jwks.json'),
  // Logouts come as forms from another site.
  enableHttpPostMethods: true,
  // Cookies are shared between ports, so the other provider at the same address has different cookie names.
  cookies: {
    keys: [process.env.OIDC_COOKIE_KEY],
    long: { signed: true, sameSite: 'none' },
    names: { session: `${name}_session`, interaction: `${name}_interaction`, resume: `${name}_resume` },
  },
  claims: broker.claims,
  ttl: { Interaction: 600, Grant: 3600, Session: 3600, AccessToken: 600, IdToken: 300, AuthorizationCode: 60, PushedAuthorizationRequest: 60 },
  scopes: ['openid', 'ssn', 'profile'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  enabledJWA: { idTokenEncryptionAlgValues: ['RSA-OAEP-256'], idTokenEncryptionEncValues: ['A256GCM'] },
  // The library's guard against internal addresses would block the tests' services, which are all internal.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: {
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: broker.par },
    backchannelLogout: { enabled: true },
    encryption: { enabled: true },
    jwtUserinfo: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource: login.logoutPage, postLogoutSuccessSource: login.loggedOutPage },
  },
  interactions: { url: (_, interaction) => `${issuer.pathname.replace(/\/$/, '')}/interaction/${interaction.uid}` },
  renderError: login.errorPage,
  // A broker asks people for no consent to the municipality's client.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope(ctx.oidc.client.scope ?? 'openid ssn profile');
    await grant.save();
    return grant;
  },
  async findAccount(_, id) {
    const { id_token = {}, userinfo = {}, ssn = {}, ...rest } = person(id);
    return { accountId: id, claims: (use, scope) => ({ sub: rest.sub ?? id, ...broker.say(use, scope.split(' '), { id_token, userinfo, ssn }) }) };
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.on('backchannel.error', (_, error, client) => console.error(client.clientId, error));
provider.on('backchannel.success', (_, client) => console.log(client.clientId, 'told of a logout'));

const handle = provider.callback();
const prefix = issuer.pathname.replace(/\/$/, '');
const options = { key: fs.readFileSync(process.env.OIDC_TLS_KEY), cert: fs.readFileSync(process.env.OIDC_TLS_CERT) };
https
  .createServer(options, (request, response) => {
    if (!request.url.startsWith(`${prefix}/`)) return response.writeHead(404).end();
    request.originalUrl = request.url; // tells the library the path below which it is mounted
    request.url = request.url.slice(prefix.length);
    const interaction = /^\/interaction\/[^/]+$/.test(request.url);
    return interaction ? login.handle(provider, person, request, response) : handle(request, response);
  })
  .listen(Number(issuer.port), issuer.hostname);
