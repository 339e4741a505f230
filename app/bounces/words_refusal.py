"""Words that tell something of us: sender, servers, reputation, authentication, content, pace, rules.

None of these says anything about the address, so where they stand nobody is suppressed.
How phrases are written: app/bounces/phrases.py.
"""

from app.bounces.phrases import phrases

# The sender's address, not the recipient's: "user unknown" beside these speaks of us.
SENDER = phrases(
    """
    account of sender
    account of the sender
    sending user
    sending account
    in mail from
    in reply to header
    in the to header
    in header from
    in from header
    domain name of sender
    domain name required
    this sender is
    this sender has been
    this sender does not
    this sender address
    sendasdenied
    sendasdeniedexception
    bad outbound sender
    callback setup failed while verifying
    sender verify failed
    sender verification failed
    sender address
    sender unregistered
    invalid dns mx
    adresse expediteur
    mi imf
    wm blu
    mi spb
    dt sum
    null sender is not allowed
    invalid dns a
    your account
    your domain
    your email account
    your e mail account
    your sender
    your sending
    your from
    sender domain
    sender rejected
    sender refused
    sender denied
    sender unknown
    unknown sender
    sender not
    sender is not
    sender blocked
    sender is blocked
    sender s address
    sender s domain
    sender verif%
    sender email address
    sender invalid
    sender is invalid
    sender does not exist
    sender * does not exist
    sender * not found
    sender not found
    sender * unknown
    sender policy rejected
    sender host
    sending domain
    envelope sender
    envelope from
    invalid sender
    bad sender
    bad address syntax in sender
    bad sender s
    bad sender s system
    bad sender s mailbox
    the sender was
    the sender is
    verify sender
    verifying sender
    verify return
    return path
    reverse path
    mail from domain
    mail from address
    mail from * does not exist
    mail from * rejected
    mail from * refused
    mail from refused
    mail from rejected
    mail from must
    mail from command
    mailfrom
    from address
    from domain
    from header
    from field
    domain of sender
    domain of the sender
    domain in from
    address of sender
    verification failed for
    callout verification
    callback
    sender * callout
    callout * sender
    sender callout
    callback verification
    sender callout
    could not verify the sender
    cannot verify sender
    unresolvable rfc 5321 from
    unresolvable rfc 5321
    unresolvable from
    must be from
    not authorized to send from
    not allowed to send from
    not permitted to send from
    not authorized to send as
    not owned by user
    not owned by
    sendas
    send as
    send on behalf
    adresse des absenders
    absenderadresse
    absender * abgelehnt
    absender * zuruckgewiesen
    absender * unbekannt
    absender * existiert nicht
    domain des absenders
    domaine de l expediteur
    adresse de l expediteur
    expediteur * refuse%
    expediteur * rejet%
    remitente * rechazad%
    remitente rechazado
    dominio del remitente
    direccion del remitente
    remetente rejeitado
    remetente * rejeitad%
    remetente * recusad%
    dominio do remetente
    endereco do remetente
    mittente rifiutato
    mittente * rifiutat%
    dominio del mittente
    indirizzo del mittente
    afzender geweigerd
    afzender * geweigerd
    adres van de afzender
    adres nadawcy
    domena nadawcy
    nadawca odrzucony
    adresa odesilatele
    адрес отправителя
    домен отправителя
    отправитель отклонен
    送信元アドレス
    送信元ドメイン
    差出人アドレス
    発信者
    发件人地址
    发件人域名
    发件人被拒绝
    寄件者地址
    발신자 주소
    보낸 사람 주소
    """
)

UNKNOWN_RECIPIENT_COUNT = phrases(
    """
    too many unknown
    too many invalid
    too many bad
    too many non existent
    too many nonexistent
    too many errors
    too many wrong
    too many failed
    too many user unknown
    too many recipients
    too many rcpt
    too many recepients
    too many envelope recipients
    excessive unknown
    excessive invalid
    excessive number of
    unknown recipients from your
    number of unknown
    number of invalid
    many unknown recipients
    high percentage of
    directory harvest
    harvest attack
    dictionary attack
    address probe
    possible open relay
    maximum number of recipients
    recipients limit
    recipient limit
    """
)

GREYLISTED = phrases(
    """
    greylist%
    graylist%
    grey list%
    gray list%
    grey listed
    greyed
    come back later
    come back in
    come again later
    try again in * minutes
    try again in * seconds
    try again in * sec
    retry in * seconds
    retry in * minutes
    retry after * seconds
    please retry in
    postgrey
    temporarily deferred * please try
    first time we see
    first time you
    unbekannte ip * greyl
    liste grise
    lista gris
    серый список
    серых спис%
    灰名单
    """
)

NO_RELAYING = phrases(
    """
    not relayed here
    not relayed by
    authenticated to relay
    authenticate to relay
    authentication required for relay
    authentication required to relay
    authenticate before relay%
    relay denied
    relay * denied
    relay access denied
    relay not permitted
    relay not permitted to
    relay not allowed
    relay operation
    weiterleitung verweigert
    weiterleitung nicht erlaubt
    weiterleitung nicht gestattet
    relaying nicht erlaubt
    relaying verweigert
    relay nicht erlaubt
    kein relay
    relais refuse
    relais interdit
    relayage refuse
    relais non autorise
    relay non consentito
    relay negato
    relay no permitido
    relay denegado
    relay nao permitido
    relay negado
    relay niet toegestaan
    relay zabronion%
    пересылка запрещена
    релей запрещен
    relay запрещен
    ретрансляция запрещена
    中継を拒否
    中継は許可
    リレーは許可
    拒绝中继
    不允许中继
    拒绝转发
    릴레이가 거부
    릴레이 거부
    rp frl
    relay rejected
    relay prohibited
    relay disallowed
    relay forbidden
    relay is not
    relay blocked
    relay restriction
    relay this message
    relay to
    relay for
    relay mail
    relaying denied
    relaying is denied
    relaying not
    relaying is not
    relaying mail
    relaying prohibited
    relaying disallowed
    relaying forbidden
    relaying to
    relaying blocked
    relaying rejected
    relaying temporarily
    mail relay
    no relay
    no relaying
    not a relay
    not an open relay
    open relay
    unable to relay
    cannot relay
    can t relay
    can not relay
    not relay
    won t relay
    not allowed to relay
    not permitted to relay
    not authorized to relay
    is not allowed * rcpthosts
    rcpthosts
    that domain isn t in my list of allowed
    isn t in my list of allowed recipient
    not in my list of allowed
    not local or * relay
    not a local domain
    not local domain
    domain not local
    domain is not local
    domain not hosted
    domain is not hosted
    domain isn t hosted
    we do not host
    not hosted here
    not handled by this server
    not served here
    domain not handled
    not one of our domains
    no relaying allowed
    insecure mail relay
    mail for * is not accepted here
    we don t handle mail for
    we do not accept mail for
    not accepting mail for
    does not accept mail for
    don t accept mail for
    authentication is required for relay
    weiterleiten verweigert
    relais
    relayage
    reencaminhamento
    retransmision
    """
)

AUTH_FAILURE = phrases(
    """
    spf
    dkim
    dmarc
    domainkeys
    arc validation
    unauthenticated
    sender policy framework
    mi spf
    mi dma
    sender id
    authentication checks
    authentication check
    authentication results
    domain authentication
    email authentication
    sender authentication
    required authentication level
    not authorized to use
    does not designate
    domain alignment
    failed authentication checks
    alignment
    au01
    hme1
    """
)

REQUIRE_PTR = phrases(
    """
    client host not found
    client host unknown
    dns nr
    ptr
    reverse dns
    rdns
    reverse hostname
    reverse host
    reverse lookup
    reverse mapping
    reverse dns eintrag
    kein reverse dns
    keinen ptr
    kein ptr
    обратная dns
    обратной dns
    обратная зона
    обратной зоны
    ptr запис%
    dns inverso
    resolution inverse
    resolucion inversa
    risoluzione inversa
    逆引き
    反向解析
    反向域名
    역방향 dns
    reverse resolution
    reverse ip
    reverse name
    forward confirmed
    fcrdns
    cannot find your hostname
    cannot find your reverse
    cannot resolve your
    could not resolve your
    unable to resolve your
    your ip * name
    your host name
    your hostname
    ip name lookup failed
    ip address possibly forged
    unresolvable relay
    unresolvable host
    unresolvable client
    client host rejected cannot find
    domain name * helo
    helo command rejected
    helo name
    ehlo name
    invalid helo
    bad helo
    helo host
    invalid ehlo
    inverse dns
    dns inverse
    reverso
    """
)

VIRUS = phrases(
    """
    virus
    viruses
    malware
    infected
    malicious
    trojan
    worm
    ウイルスが検出
    ウィルスが検出
    ウイルスを検出
    ウィルスを検出
    ウイルスに感染
    clamav
    phishing attachment
    exploit
    eicar
    virenscanner
    вирус%
    ウイルス
    ウィルス
    病毒
    바이러스
    """
)

TOO_MANY_CONNECTIONS = phrases(
    """
    ofr 104
    ofr 108
    ofr 109
    too many connections
    too many concurrent
    too many simultaneous
    too many smtp sessions
    too many sessions
    too many open connections
    too many concurrent smtp
    zu viele gleichzeitige verbindungen
    trop de connexions
    demasiadas conexiones
    muitas conexoes
    conexoes simultaneas
    connessioni simultanee
    te veel verbindingen
    for manga anslutningar
    for mange tilkoblinger
    for mange forbindelser
    zbyt wiele polaczen
    prilis mnoho spojeni
    tul sok kapcsolat
    cok fazla baglanti
    слишком много подключений
    забагато з єднань
    同時接続数
    接続数が多
    接続が多すぎ
    连接数过多
    连接过多
    连接数超过
    并发连接
    連線數過多
    연결이 너무 많
    동시 접속
    hl icc
    concurrent connections
    concurrent connection
    simultaneous connections
    number of connections
    number of concurrent
    maximum connections
    max connections
    connection limit
    connection rate
    connections limit
    connections from your
    connections from this
    connection count
    connection frequency
    ip connection
    sessions limit
    session limit
    no more connections
    excessive connections
    exceeded * connections
    connexions simultanees
    conexiones simultaneas
    troppe connessioni
    zu viele verbindungen
    слишком много соединений
    连接数
    並發
    并发
    """
)

RATE_LIMITED = phrases(
    """
    relay quota
    daily relay
    recipientthresholdexceeded
    dyn t1
    dyn t2
    temporarily deferred due
    messages * temporarily deferred
    limit wiadomosci
    limit zprav
    limite de mensagens
    limite de mensajes
    limite di messaggi
    limite de messages
    nachrichtenlimit
    message * temporarily deferred
    zbyt wiele wiadomosci
    zbyt wiele wiadomości
    zbyt duzo wiadomosci
    unexpected volume
    exceed * messages per
    rate limited
    rate limit%
    zu viele e mails
    trop de mails
    demasiados correos
    превышен лимит писем
    превышен лимит сообщений
    лимит отправки
    превышена частота
    送信数が多
    送信数の制限
    送信通数
    发送过于频繁
    发信频率
    寄送頻率
    발송 한도
    전송 한도
    mi sfq
    mi stc
    rp rcl
    rp qrc
    rp drc
    rp qnc
    hl ifc
    hl mep
    envio por hora excedido
    limite de envio
    connection frequency limited
    rate limited
    ratelimit%
    rate exceeded
    rate control
    unusual rate
    message rate
    sending rate
    mail rate
    at a rate
    too quickly
    too fast
    too frequent%
    too many messages
    too many mails
    too many emails
    too many email
    too many e mails
    too many message
    too many requests
    too many letters
    too much mail
    too many mail
    too many deliveries
    too many attempts
    throttl%
    excessive volume
    excessive traffic
    volume limit
    unexpected volume
    hourly limit
    daily limit
    daily quota
    daily user sending
    daily message
    daily sending
    daily smtp
    sending limit
    sending quota
    sending limits
    send limit
    sent too many
    per hour
    per minute
    per day
    in one hour
    max message per connection
    messages per connection
    maximum messages
    messages limit
    message limit
    limit exceeded
    limit on the number
    slow down
    slowdown
    deferred due to
    deferred due
    hcm1
    rp trc
    rp cel
    mi dmc
    tss04
    tss05
    ts01
    ts02
    mail flood
    flood
    4 16 55
    queue limit
    too many queries
    zu viele nachrichten
    zu viele mails
    zu schnell
    trop de messages
    trop de connexions
    demasiados mensajes
    muitas mensagens
    troppi messaggi
    te veel berichten
    слишком много писем
    слишком много сообщений
    发送频率
    频率
    超过限制
    发送过快
    """
)

BLOCK_LIST = phrases(
    """
    ip address * not found
    not accepting messages from
    host * not allowed to connect
    not allowed to connect
    rtr b%
    recipients addr blocked
    does not have permissions to submit
    schwarzen liste
    sperrliste
    listes noires
    listas negras
    liste nere
    svartlist%
    svarteliste%
    sortliste%
    sort liste
    mustalla listalla
    mustalle listalle
    czarnej liscie
    czarna lista
    cerne listine
    cernej listine
    feketelist%
    lista neagra
    crnoj listi
    crni seznam
    kara liste%
    μαυρη λιστα
    черные списки
    чорному списку
    чорний список
    черния списък
    черен списък
    ブラックリスト
    拒否リスト
    블랙리스트
    차단 목록
    danh sach đen
    daftar hitam
    %רשימה שחורה
    %قائمة السوداء
    لیست سیاه
    not authorized to send email directly to
    con b1
    rly b%
    ipbl%
    block for spam
    spam ips
    ips blocked
    mail refused from
    zombied
    sending ip is in
    sending ip is on
    ivmsip
    ivmuri
    one or more dnsbl%
    dnsbl%
    a problem occurred ask your postmaster
    hl ipb
    wm bli
    dt rbl
    mi nhd
    bogus helo
    not allowed to send us mail
    not allowed to send us
    dnsbl
    dnsblname
    rbl
    rbls
    block list
    block lists
    blocklist%
    blacklist%
    black list%
    black listed
    blocked using
    blocked by
    blocked for abuse
    spamhaus
    spamcop
    barracudanetworks
    barracuda reputation
    barracudacentral
    sorbs
    uceprotect
    invaluement
    mailspike
    senderbase
    psbl
    cbl
    xbl
    sbl
    pbl
    zen
    trustedsource
    cloudmark
    csi cloudmark
    proofpoint dynamic reputation
    ipcheck
    sender ip must resolve
    spam source
    source of spam
    known spam
    spammer
    spammers
    sc 001
    sc 002
    ou 001
    ou 002
    dy 001
    dy 002
    rp 001
    rp 002
    banned
    bl21
    bl23
    tss07
    tss09
    tss11
    ts03
    permanently deferred
    is listed
    currently listed
    ip listed
    been listed
    ip is listed
    your ip
    your ip address
    ip address * blocked
    ip * blocked
    ip blocked
    ip denied
    ip * denied
    ip rejected
    ip address rejected
    client host * blocked
    client host rejected
    client address rejected
    host rejected
    connections will not be accepted
    connections not accepted
    connection not allowed
    connection denied
    connection rejected
    not accept connections
    not accepting connections from
    network is on our
    your network
    your host
    your server
    your mail server
    your mailserver
    your mta
    dynamic ip
    dynamic address
    dynamic pool
    dial up
    dialup
    dynamically assigned
    residential
    botnet
    open proxy
    compromised
    firewall
    access from ip
    access from your
    ip adresse
    adresse ip
    direccion ip
    endereco ip
    indirizzo ip
    ip адрес
    ipアドレス
    ip地址
    黑名单
    黑名單
    черный список
    черном списке
    liste noire
    lista negra
    lista nera
    schwarze liste
    zwarte lijst
    """
)

REPUTATION = phrases(
    """
    poor sender score
    low sender score
    member complaints
    complaints from
    reputation
    low reputation
    bad reputation
    schlechte reputation
    schlechter reputation
    mauvaise reputation
    mala reputacion
    baja reputacion
    ma reputacao
    baixa reputacao
    cattiva reputazione
    bassa reputazione
    slechte reputatie
    dalig ryktbarhet
    zlej reputacji
    zla reputacja
    niskiej reputacji
    spatna reputace
    spatnou reputaci
    плохая репутация
    плохой репутации
    низкая репутация
    низкой репутации
    погана репутація
    信誉过低
    信誉度
    信譽過低
    レピュテーション
    평판이
    poor reputation
    user complaints
    complaint rate
    senderscore
    hl rep
    hl ihu
    sender score
    abuse from your
    spam abuse
    spamming
    bad neighborhood
    reputacion
    reputacao
    reputazione
    репутаци%
    """
)

SPAM = phrases(
    """
    link in your message
    links in your message
    url in your message
    urls in your message
    hvu b%
    contains spam
    spam or virus
    spam
    spammy
    spamassassin
    spam like
    anti spam
    unerwunschte werbung
    als unerwunscht eingestuft
    als spam erkannt
    als spam eingestuft
    considere comme spam
    considere comme du spam
    identifie comme spam
    identifie comme indesirable
    considerado spam
    considerado como spam
    identificado como spam
    clasificado como spam
    classificado como spam
    identificato come spam
    classificato come spam
    riconosciuto come spam
    als spam aangemerkt
    als spam herkend
    uznana za spam
    rozpoznana jako spam
    spam olarak
    похоже на спам
    признано спамом
    классифицировано как спам
    распознано как спам
    визнано спамом
    スパムと判定
    スパムメールと
    迷惑メールのため
    被识别为垃圾
    被判定为垃圾
    判定为垃圾
    判定為垃圾
    疑似垃圾邮件
    스팸으로 분류
    스팸 메일로
    스팸으로 판단
    迷惑メールと判定
    迷惑メールとして
    垃圾邮件特征
    antispam
    spamfilter
    spamscore
    unsolicited
    uce
    ube
    junk mail
    junk
    bulk mail
    bulk email
    mass mail%
    looks like spam
    considered spam
    content rejected
    content restriction
    content filter
    content denied
    content policy
    content blocked
    content is not
    content violation
    message content
    body content
    objectionable content
    suspicious
    suspect
    phishing
    phish
    scam
    fraud
    url
    urls
    uribl
    surbl
    dbl
    bayes
    rspamd
    score
    cs01
    dt spm
    mi spb
    hl its
    ph01
    message rejected as
    banned content
    forbidden content
    prohibited content
    banned word
    inappropriate
    rejected due to content
    rejected for content
    blocked by content
    high probability
    unerwunscht%
    werbung
    indesirable
    pourriel
    no deseado
    correo basura
    lixo eletronico
    posta indesiderata
    спам%
    спама
    нежелательн%
    迷惑メール
    スパム
    垃圾邮件
    垃圾郵件
    垃圾
    스팸
    """
)

POLICY = phrases(
    """
    by administrator
    by the administrator
    by your administrator
    by an administrator
    by our administrator
    by system administrator
    by the system administrator
    添付ファイルの種類
    添付ファイル * 許可
    附件类型
    附件 * 不允许
    不允许的附件
    anhang nicht erlaubt
    anhangstyp nicht erlaubt
    type de fichier interdit
    piece jointe interdite
    piece jointe non autorisee
    tipo de archivo no permitido
    tipo de arquivo nao permitido
    anexo nao permitido
    allegato non consentito
    запрещенное вложение
    запрещенный тип вложени%
    by domain administrator
    banned contents
    banned name
    bounce * banned
    local policy
    policy reasons
    policy violation
    policy rejection
    mailpolicy violation
    mail policy violation
    policy restriction
    policy error
    policy prohibit%
    policy that prohibited
    site policy
    security policy
    security policies
    company policy
    corporate policy
    administrative policy
    organization policy
    mail policy
    email policy
    message policy
    server policy
    content policies
    due to policy
    for policy
    against policy
    violates policy
    violation of policy
    by policy
    of policy
    policy filter
    policies
    administrative prohibition
    administratively prohibited
    administratively denied
    administrative reasons
    prohibited by administrator
    transport rules
    transportrules
    transport rule
    delivery not authorized
    delivery not authorised
    message refused
    message rejected
    message blocked
    message denied
    message was rejected
    message was blocked
    message has been blocked
    message has been rejected
    message is rejected
    message not accepted
    message declined
    mail refused
    mail rejected
    mail denied
    mail blocked
    mail declined
    email rejected
    email blocked
    email refused
    email was rejected
    rejected by rule
    rejected by system
    rejected by policy
    rejected by header
    rejected by filter
    rejected due to policy
    rejected for policy
    refused by policy
    refused by local
    refused due to
    blocked attachment
    illegal attachment
    attachment
    attachments
    file type
    not permitted to send
    not allowed to send
    not authorized to send
    not authorized
    not authorised
    unauthorized
    not allowed
    not permitted
    prohibited
    forbidden
    denied by
    richtlinie%
    politique
    politica
    politicas
    правил%
    политик%
    ポリシー
    策略
    정책
    """
)

# A person, or a rule set for one, does not want it: the address works.
FILTERED = phrases(
    """
    for external mail
    from external senders
    from outside the organization
    from outside the organisation
    block list of the recipient
    blocklist of the recipient
    blacklist of the recipient
    recipient s block list
    recipient s blacklist
    recipient s personal filter
    personal filter
    user s preferences
    recipient s preferences
    does not allow messages from
    sender was not authenticated by organization
    external senders aren t permitted
    external senders are not permitted
    isnt a group member
    not a group member
    not accepting mail from this sender
    not accept mail from this sender
    akzeptiert keine nachrichten
    akzeptiert keine e mails von
    nimmt keine nachrichten * an
    nimmt keine e mails von
    n accepte pas les messages
    n accepte pas de messages
    no acepta mensajes de
    no acepta correos de
    nao aceita mensagens de
    non accetta messaggi da
    accepteert geen berichten van
    tar inte emot meddelanden fran
    nie przyjmuje wiadomosci od
    ограничил прием
    не принимает письма от
    не принимает сообщения от
    only subscribers may
    only members may
    subscribers only may post
    only list members
    recipient has blocked
    blocked by the recipient
    blocked by recipient
    指定受信
    受信者により
    受信者によって
    着信を拒否
    受け取りを拒否
    拒收规则
    拒收規則
    拒绝收信
    拒收您
    수신을 거부
    수신거절
    empfanger * abgelehnt
    vom empfanger blockiert
    bloque par le destinataire
    refuse par le destinataire
    bloqueado por el destinatario
    bloqueado pelo destinatario
    bloccato dal destinatario
    получатель * отклонил
    заблокированы получателем
    not a member of this mailing list
    not a member of the mailing list
    not subscribed to this
    n etes pas abonne
    n etes pas autorise a envoyer
    personal blacklist
    受信が拒否
    受信者の設定
    受信設定
    受信許可
    拒收了
    着信拒否
    recipient blocked
    recipient refuses
    recipient does not want
    recipient doesn t want
    recipient does not accept
    recipient declined
    recipient has rejected
    recipient only accepts
    recipient is not accepting
    recipient cannot accept
    user refuses
    user has blocked
    has blocked you
    blocked you
    user reject%
    user does not want
    user doesn t want
    user is not accepting
    user * does not accept
    rejected by recipient
    rejected by the recipient
    rejected by user
    refused by recipient
    refused by the recipient
    refused by user
    due to recipient
    due to extended
    restricted recipient
    restricted mailbox
    only accepts mail from
    only accept mail from
    accepts mail only from
    allowed to receive
    customer * block%
    not on the recipient s
    not in * whitelist
    address is not whitelisted
    whitelist
    allowlist
    sender is on the recipient
    resolver rst
    sendernotauthenticatedforgroup
    notauthorized
    not a member
    members only
    subscribers only
    you are not allowed to post
    may not post
    may not have permission to post
    moderated list
    delivery restrict%
    permission to send to this recipient
    permission to send
    受信拒否
    受信を拒否
    拒收
    拒绝接收
    수신거부
    수신 거부
    """
)

SECURITY = phrases(
    """
    login required
    log on required
    authentication required
    authentication needed
    authentication failed
    authentication failure
    authentication unsuccessful
    authentication credentials
    authentication error
    ошибка аутентификации
    ошибка авторизации
    помилка автентифікації
    blad uwierzytelniania
    błąd uwierzytelniania
    echec d authentification
    echec de l authentification
    autenticazione fallita
    falha na autenticacao
    falha de autenticacao
    authenticatie mislukt
    認証に失敗
    認証エラー
    认证失败
    認證失敗
    인증 실패
    인증에 실패
    authentication is required
    authenticate first
    must authenticate
    smtp auth
    smtp authentication
    auth required
    auth failed
    login failed
    login denied
    login first
    log in
    credentials
    username or password
    username and password
    invalid login
    password
    pop before smtp
    check mail first
    check your mail first
    ip not authorized
    identity not verified
    email address is not verified
    authentifizierung
    anmeldung
    authentification
    autenticacion
    autenticacao
    autenticazione
    認証
    认证
    身份验证
    """
)

STARTTLS = phrases(
    """
    starttls
    start tls
    tls
    ssl
    tlsa
    dane
    mta sts
    must issue a starttls
    encryption required
    encrypted connection
    requires encryption
    handshake
    certificate
    """
)

NOT_COMPLIANT = phrases(
    """
    messageid header
    rfc 5322
    rfc5322
    rfc 2822
    rfc2822
    rfc 822
    rfc compliant
    not rfc
    rfc violation
    bare lf
    bare newline
    bare carriage
    message id header
    valid message id
    duplicate header
    duplicate headers
    multiple from
    missing header
    missing date
    missing from
    header missing
    header is missing
    headers missing
    invalid header
    malformed header
    header error
    lines too long
    line too long
    line length
    """
)

ACCESS_DENIED = phrases(
    """
    access denied
    access not allowed
    access refused
    access is denied
    access forbidden
    no access
    zugriff verweigert
    acces refuse
    acceso denegado
    acesso negado
    accesso negato
    """
)

# An address is refused and nobody says why: an enhanced code may.
RECIPIENT_REJECTED = phrases(
    """
    recipient rejected
    recipient refused
    recipient not accepted
    recipient denied
    recipient address rejected
    recipient * rejected
    address rejected
    address refused
    addr refused
    addr rejected
    does not like recipient
    """
)

# A provider on the way has a list of its own.
SUPPRESSED = phrases(
    """
    marked as inactive
    inactive recipients are ones
    recipients that have been marked
    have generated a hard bounce
    inactive addresses
    has suppressed sending
    suppression list
    was suppressed
    is suppressed
    suppressed due
    bounced address
    unsubscribed address
    on the account suppression
    recent history of bouncing
    previously bounced
    has unsubscribed
    """
)

# A list of those whom somebody, or a rule for somebody, lets in.
LETS_IN = phrases(
    """
    whitelist%
    white list%
    allowlist%
    allow list%
    safe sender%
    approved sender%
    not in * address book
    not in the address book
    not in my address book
    not in * contact%
    not in * contacts
    not accepting mail from
    not accept mail from
    t accept mail from
    does not accept mail from
    does not accept email from
    does not accept messages from
    not accepting messages from
    permission to send
    permission to post
    """
)

# All that some say of one whose filter refused.
NO_REASON = phrases(
    """
    did not receive this message
    """
)
