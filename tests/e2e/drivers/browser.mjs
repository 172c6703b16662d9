// Plays a visit in headless Chromium and prints, as one JSON document, what the SDK captured and what the console said.
//   node browser.mjs '{"page": "http://…/page.html?…", "after": "http://…/blank", "chromium": "/usr/bin/chromium"}'
import { open, until } from './chromium.mjs'

const options = JSON.parse(process.argv[2])
const { page, complaints, answers, delivered, close } = await open(options.chromium)

// Everything captured so far has been sent and answered, so nothing is under way when the page goes away.
const everythingSent = async () => {
    const events = JSON.parse(await page.evaluate(() => localStorage.getItem('captured')))
    await until(page, 'events are not delivered', () =>
        events.every(({ uuid }) => delivered.some(({ body }) => body.includes(uuid)))
    )
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
await close()
process.stdout.write(JSON.stringify({ captured: events, complaints, answers }))
