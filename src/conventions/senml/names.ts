/** Which device and which metric a name of SenML is: names are of the whole world, and say both at once. Pure. */

export interface Address {
  device: string
  metric: string
}

/** `urn:dev:mac:0024befffe804ff1:temperature` (RFC 9039), `urn:uuid:…:temperature`: the device, and what stands behind it. */
const urn = /^(urn:(?:dev:[^:/_]+:|(?!dev:)[^:/_]+:)[^:/_]+)(.*)$/

const withoutFront = (text: string): string => text.replace(/^[-:./_]+/, '')
/** By hand: a regular expression begins anew at every separator. */
function withoutBack(text: string): string {
  let end = text.length
  while (end > 0 && '-:./_'.includes(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** `captured`: the device that the topic tells, or null. */
export function addressOf(baseName: string, name: string, topic: string, captured: string | null): Address {
  const whole = baseName + name
  if (captured !== null) return { device: captured, metric: behind(whole, captured) ?? whole }
  const match = urn.exec(whole)
  if (match !== null) return { device: match[1]!, metric: withoutFront(match[2]!) || 'value' }
  const [device, metric] = [withoutBack(baseName), withoutFront(name)]
  if (device !== '' && metric !== '') return { device, metric }
  const at = Math.max(whole.lastIndexOf('/'), whole.lastIndexOf(':'))
  if (at > 0 && at < whole.length - 1)
    return { device: withoutBack(whole.slice(0, at)), metric: whole.slice(at + 1) }
  return { device: topic, metric: whole }
}

/** What stands in a name behind that of its device, `value` if nothing does; null: the device is not in it. */
function behind(whole: string, device: string): string | null {
  const at = whole.indexOf(device)
  if (at === -1 || (at > 0 && !/[-:./_]/.test(whole[at - 1]!))) return null
  const rest = whole.slice(at + device.length)
  if (rest === '') return 'value'
  return /^[-:./_]/.test(rest) ? withoutFront(rest) || 'value' : null
}
