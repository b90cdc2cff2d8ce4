// Pages of the provider: a login that can be cancelled, and a logout without a question.
const page = (title, body) => `<!DOCTYPE html><html lang="da"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`;

const form = (action, wrong) =>
  page(
    'Log ind (test)',
    `${wrong ? '<p role="alert">Forkert</p>' : ''}<form method="post" action="${action}">
<p><label for="user">Bruger</label> <input id="user" name="user" autocomplete="off"></p>
<p><label for="password">Adgangskode</label> <input id="password" name="password" type="password"></p>
<p><button id="login" name="do" value="login">Log ind</button> <button id="cancel" name="do" value="cancel">Afbryd</button></p></form>`,
  );

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

async function handle(provider, person, request, response) {
  const show = (text, status = 200) => response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(text);
  try {
    await provider.interactionDetails(request, response);
    if (request.method !== 'POST') return show(form(request.originalUrl));
    const fields = await body(request);
    const finish = (result) => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    if (fields.get('do') === 'cancel') return await finish({ error: 'access_denied', error_description: 'mitid_user_aborted' });
    const user = fields.get('user');
    let known = fields.get('password') === process.env.OIDC_PASSWORD;
    try {
      person(user);
    } catch {
      known = false;
    }
    return known ? await finish({ login: { accountId: user } }) : show(form(request.originalUrl, true));
  } catch (error) {
    return show(page('Fejl (test)', `<p>${error.name}</p>`), 400);
  }
}

const shown = (ctx, text) => {
  ctx.type = 'html';
  ctx.body = text;
};

export const login = {
  handle,
  logoutPage: (ctx, logout) =>
    shown(ctx, page('Log ud (test)', `${logout}<button id="logout" type="submit" form="op.logoutForm" value="yes" name="logout">Log ud</button>`)),
  loggedOutPage: (ctx) => shown(ctx, page('Logget ud (test)', '')),
  errorPage: (ctx, out) => shown(ctx, page('Fejl (test)', `<p id="error">${out.error}</p>`)),
};
