// The family service: POST /children with {"cpr": "0101010101"} is answered by the children in custody, [{"name", "cpr"}, …], or by [].
// It accepts clients with a certificate of the test CA only.
// `node server.mjs FILE`: the file is read at every request, so write it beside and rename it.
import fs from 'node:fs';
import https from 'node:https';

const [file] = process.argv.slice(2);
const { FAMILY_URL, FAMILY_KEY, FAMILY_CERT, FAMILY_CA } = process.env;
const address = new URL(FAMILY_URL);

function answer(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers }).end(JSON.stringify(body));
}

// The CPR number in a valid request.
function asked(text) {
  try {
    const { cpr } = JSON.parse(text);
    return /^\d{10}$/.test(cpr) ? cpr : undefined;
  } catch {
    return undefined;
  }
}

const options = {
  key: fs.readFileSync(FAMILY_KEY),
  cert: fs.readFileSync(FAMILY_CERT),
  ca: fs.readFileSync(FAMILY_CA),
  requestCert: true,
  rejectUnauthorized: true,
};
https
  .createServer(options, (request, response) => {
    if (request.url !== address.pathname) return answer(response, 404, { error: 'no such address' });
    if (request.method !== 'POST') return answer(response, 405, { error: 'ask by POST' }, { allow: 'POST' });
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part) => {
      text += part;
      if (text.length > 1000) request.destroy();
    });
    request.on('end', () => {
      const cpr = asked(text);
      if (!cpr) return answer(response, 400, { error: 'ask with {"cpr": "ten digits"}' });
      const children = JSON.parse(fs.readFileSync(file, 'utf8'));
      answer(response, 200, children[cpr] ?? []);
    });
  })
  .listen(Number(address.port), address.hostname);
