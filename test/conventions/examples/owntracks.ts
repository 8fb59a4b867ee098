/** OwnTracks: a phone's day. */

import type { Examples } from './example.ts'

const phone = 'owntracks/jane/phone'

export const ownTracks: Examples = {
  options: { keys: './owntracks.keys' },
  files: { './owntracks.keys': Buffer.from('# as in the app\njohn/pad: s3cr1t\n') },
  messages: [
    {
      topic: phone,
      text: '{"_type":"location","SSID":"mywifi","alt":154,"batt":53,"conn":"w","created_at":1795521599,"lat":48.856826,"lon":2.292713,"tid":"j1","tst":1795521598,"vel":0}'
    },
    {
      topic: phone,
      text: '{"_type":"location","tst":1795521598,"lat":48.85,"lon":2.29,"t":"r","inregions":["Home"],"poi":"Tower"}'
    },
    {
      topic: 'owntracks/acme/van',
      quiet: true,
      text: '{"_type":"location","tst":1795521598,"lat":52.1,"lon":8.2,"vel":88,"cog":270,"odometer":1234.5,"ubatt":3.9,"uext":12.6,"ign":true,"imei":"356800000000001","temp_c-01":4.5}'
    },
    { topic: 'owntracks/john/pad', text: '{"_type":"location","lat":91,"lon":2}' },
    {
      topic: 'owntracks/john/pad',
      text: '{"_type":"encrypted","data":"QOqFIC1Ba65H6uiTMQW1UVQydo6GDZXrZqDIxcjRv0j8l2xPzKVKaDiMCSEpoug0RJh6aVxMTfQGftF/Npr/cBje5UNL7/dQuf4dKj57438hOVqk+goNSuAO+U45LRLTA6rorHFh3gQee1x+"}'
    },
    {
      topic: phone,
      text: '{"_type":"encrypted","data":"vG0sAik3/+1KwrZ4b27yQtfJEVz6g2v0Os+yGIECNm8PnxwTR7ZUlUYRclgku7eP19FeNjJugxhYnF9pvlxDBzUxYg=="}'
    },
    {
      topic: `${phone}/event`,
      text: '{"_type":"transition","wtst":1558351273,"lat":2.22,"lon":1.01,"tst":1795521598,"acc":10,"tid":"j1","event":"enter","desc":"Home","t":"c"}'
    },
    {
      topic: `${phone}/waypoint`,
      text: '{"_type":"waypoint","desc":"Home","lat":48.85,"lon":2.29,"rad":50,"tst":1558351273}'
    },
    {
      topic: `${phone}/waypoints`,
      text: '{"_type":"waypoints","waypoints":[{"_type":"waypoint","desc":"Home","lat":48.85,"lon":2.29,"rad":50,"tst":1558351273}]}'
    },
    {
      topic: `${phone}/status`,
      text: '{"_type":"status","iOS":{"deviceModel":"iPhone","deviceSystemVersion":"17.3","version":"18.0.1"},"android":{"wifi":1}}'
    },
    {
      topic: `${phone}/step`,
      text: '{"_type":"steps","tst":1795521598,"steps":1234,"from":1795478400,"to":1795521598}'
    },
    {
      topic: `${phone}/beacon`,
      text: '{"_type":"beacon","desc":"Desk","uuid":"E2C56DB5","major":1,"minor":2,"tst":1795521598,"acc":2,"rssi":-60,"prox":1}'
    },
    {
      topic: `${phone}/dump`,
      text: '{"_type":"configuration","host":"mqtt.example","password":"s1kr3t","monitoring":1,"tid":"j1"}'
    },
    { topic: `${phone}/info`, text: '{"_type":"card","name":"Jane","tid":"j1","face":"iVBORw0KGgo="}' },
    { topic: `${phone}/request`, text: '{"_type":"request","request":"tours"}' },
    { topic: `${phone}/cmd`, text: '{"_type":"cmd","action":"reportLocation"}' },
    {
      topic: 'owntracks/acme/fleet',
      quiet: true,
      text: '[{"_type":"location","tst":1795521000,"lat":1,"lon":2},{"_type":"location","tst":1795521598,"lat":1.1,"lon":2.1}]'
    },
    { topic: phone, text: '{"_type":"lwt","tst":1795500000}' }
  ]
}
