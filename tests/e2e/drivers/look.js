// What a page looks like, for the comparison of a page with the replay of its recording. Runs in the browser.

const SKIPPED = new Set(['script', 'noscript', 'style', 'link', 'meta'])
// What the recorder writes into attributes though it is a property, and what the replayer adds.
const OTHERS = new Set(['value', 'checked', 'selected', 'autocomplete'])
const STYLES = ['color', 'background-color', 'font-weight', 'display', 'width', 'height']

const attributes = (node) =>
    [...node.attributes]
        .filter(({ name, value }) => !OTHERS.has(name) && value !== '')
        .map(({ name, value }) => `${name}=${name === 'class' ? value.split(' ').filter((one) => one !== ':hover') : value}`)
        .filter((text) => text !== 'class=')
        .sort()

const element = (node) => {
    const box = node.getBoundingClientRect()
    const look = { name: node.localName }
    // An element that the SDK must not look into is an empty box of its size.
    if (node.classList.contains('ph-no-capture')) return { ...look, hidden: [box.width, box.height] }
    const style = node.ownerDocument.defaultView.getComputedStyle(node)
    look.style = STYLES.map((name) => style.getPropertyValue(name))
    look.attributes = attributes(node)
    look.box = [box.x, box.y, box.width, box.height].map(Math.round)
    look.scroll = [node.scrollLeft, node.scrollTop]
    if (node.type === 'password') look.length = node.value.length
    else if ('value' in node && node.localName !== 'li') look.value = node.value
    if (node.localName === 'input') look.checked = node.checked
    if (node.localName === 'canvas') look.size = [node.width, node.height]
    if (node.localName === 'textarea') return look
    return { ...look, children: [...node.childNodes].map(child).filter(Boolean) }
}

const child = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.trim()
    return node.nodeType === Node.ELEMENT_NODE && !SKIPPED.has(node.localName) && element(node)
}

export const describe = (document) => ({
    title: document.title,
    scroll: [document.defaultView.scrollX, document.defaultView.scrollY],
    body: element(document.body),
})

const pixels = async (url) => {
    const image = new Image()
    image.src = url
    await image.decode()
    const pen = new OffscreenCanvas(image.width, image.height).getContext('2d')
    pen.drawImage(image, 0, 0)
    return pen.getImageData(0, 0, image.width, image.height)
}

// The share of pixels in which two images differ visibly: by more than an eighth in one of the colours.
export const difference = async (one, other) => {
    const [a, b] = [await pixels(one), await pixels(other)]
    if (a.width !== b.width || a.height !== b.height) return 1
    let count = 0
    for (let i = 0; i < a.data.length; i += 4)
        count += [0, 1, 2].some((c) => Math.abs(a.data[i + c] - b.data[i + c]) > 32)
    return count / (a.width * a.height)
}
