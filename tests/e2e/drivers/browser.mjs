// Plays a visit in headless Chromium and prints, as one JSON document, what the SDK captured and what the console said.
//   node browser.mjs '{"page": "http://…/page.html?…", "after": "http://…/blank", "chromium": "/usr/bin/chromium"}'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'

const options = JSON.parse(process.argv[2])
const profile = await mkdtemp(join(tmpdir(), 'chromium-'))
const context = await chromium.launchPersistentContext(profile, {
    executablePath: options.chromium,
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
})
const complaints = []
const answers = []
const page = await context.newPage()
page.setDefaultTimeout(30_000)
page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`)
})
page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`))
page.on('response', (response) => answers.push([response.request().method(), response.url(), response.status()]))

const delivered = []
page.on('requestfinished', (request) => {
    const body = request.method() === 'POST' && request.postDataBuffer()
    if (body) delivered.push((body[0] === 0x1f ? gunzipSync(body) : body).toString())
})
// Everything captured so far has been sent and answered, so nothing is under way when the page goes away.
const everythingSent = async () => {
    const events = JSON.parse(await page.evaluate(() => localStorage.getItem('captured')))
    while (!events.every(({ uuid }) => delivered.some((body) => body.includes(uuid)))) await page.waitForTimeout(50)
}
const captured = (name) =>
    page.waitForFunction((name) => (localStorage.getItem('captured') ?? '').includes(`"event":"${name}"`), name)

await page.goto(options.page)
await page.waitForFunction(() => window.loaded)
await captured('$pageview')
await page.click('#buy')
await captured('$autocapture')
await page.evaluate(() => {
    const { posthog } = window
    posthog.identify('visitor@example.com', { name: 'Visitor ☃' }, { first_seen: 'today' })
    posthog.group('company', 'acme', { name: 'Acme' })
    posthog.register({ plan: 'pro' })
    posthog.capture('custom', { price: 12.5, tags: ['a', 'b'], nested: { deep: { x: null } }, text: 'Grüße "☃" \\ \n' })
    posthog.captureException(new Error('out of cheese'))
    history.pushState({}, '', `/second${location.search}`)
    posthog.capture('$pageview')
})
await captured('$exception')
await everythingSent()
await page.fill('#name', 'somebody')
await page.click('#submit')
await page.goto(options.after)
const events = JSON.parse(await page.evaluate(() => localStorage.getItem('captured')))
await page.waitForLoadState('networkidle')
await context.close()
await rm(profile, { recursive: true, force: true })
process.stdout.write(JSON.stringify({ captured: events, complaints, answers }))
