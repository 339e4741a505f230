"""Words that tell something of machines: time, network, disks, programs, size, form. See phrases.py."""

from app.bounces.phrases import phrases

TOO_BIG = phrases(
    """
    mail exceeds our
    mail exceeds the
    exceeds our limit
    too big
    too large
    too long for mailbox
    size exceed%
    size exceeds
    size limit
    size limits
    mail size limit exceeded
    размер * сообщения слишком велик
    размер сообщения превышает
    message trop volumineux
    nachricht ist zu gross
    mensaje es demasiado grande
    mensagem e muito grande
    messaggio e troppo grande
    bericht is te groot
    wiadomosc jest za duza
    wiadomość jest za duza
    メッセージのサイズ
    サイズが大きすぎ
    サイズが制限
    邮件大小超
    메시지가 너무 큽니다
    size too
    size greater than
    size is larger
    size larger than
    maximum message size
    max message size
    maximum size
    maximum allowed size
    maximum permitted size
    message size
    message exceed% * size
    message exceed% * limit
    message exceed% * maximum
    message is larger
    exceeds maximum
    exceeds max
    exceeds size
    exceeds fixed
    exceeds the maximum
    exceeds the size
    exceeds the allowed
    exceeds limit
    exceeds server
    exceeds local
    exceed maximum
    exceed the maximum
    sendsizelimit
    recipsizelimit
    mail size
    mail is too
    message length exceed%
    message length exceeds
    data size
    max size
    zu gross
    grosse der nachricht
    maximale grosse
    trop gros
    trop volumineux
    taille maxim%
    taille du message
    demasiado grande
    tamano maximo
    tamano del mensaje
    muito grande
    tamanho maximo
    tamanho da mensagem
    troppo grande
    dimensione massima
    dimensioni massime
    te groot
    for stort
    zbyt duz%
    prilis velk%
    слишком больш%
    превышает максимальн%
    превышен размер
    サイズ制限
    サイズが大き
    サイズを超え
    邮件太大
    邮件过大
    郵件過大
    邮件大小
    크기를 초과
    크기 제한
    """
)

EXPIRED = phrases(
    """
    delivery failed * attempts
    failing for a long time
    connection timed out
    operation timed out
    delivery expired
    not reachable within
    has not been collected
    expired
    message expired
    delivery time expired
    delivery timed out
    delivery timeout
    queue time
    queue lifetime
    queue expired
    queue too long
    in the queue too long
    been in the queue
    in queue too long
    retry timeout exceeded
    retry timeout
    retry time not reached
    retry limit
    retry count
    retries exhausted
    retries exceeded
    long failure period
    too long in queue
    too old
    time limit specified
    time limit exceeded
    exceeded time limit
    delivery time limit
    maximum time
    maximum delivery time
    maximum retr%
    maximum number of retries
    max retries
    number of attempts
    delivery attempts
    several attempts
    repeated attempts
    attempts failed
    failed after i tried for
    tried for * days
    tried for * hours
    could not be delivered for
    not been delivered after
    not delivered after
    undeliverable for
    undelivered for
    unable to deliver for
    cannot send message for
    cannot send message within
    can t send message for
    could not send message for past
    deliver within
    within * hours
    within * days
    for more than
    giving up
    give up
    aufgegeben
    zeituberschreitung
    abgelaufen
    delai depasse
    delai d expiration
    tiempo * agotado
    tempo * esgotado
    tempo limite
    tempo scaduto
    истек%
    время ожидания
    期限切れ
    超时
    시간 초과
    """
)

NETWORK = phrases(
    """
    communications failure
    unable to contact the destination
    connection refused
    unverified address
    verification in progress
    keine verbindung
    pas de connexion
    server nicht erreichbar
    server * nicht erreichbar
    serveur injoignable
    serveur * injoignable
    servidor inalcanzable
    servidor inacessivel
    server irraggiungibile
    server non raggiungibile
    server niet bereikbaar
    сервер недоступен
    сервер * недоступен
    サーバに接続できません
    サーバーに接続できません
    无法连接 * 服务器
    服务器无法连接
    서버에 연결할 수 없
    sin conexion
    sem conexao
    duplicated message id in
    nessuna connessione
    geen verbinding
    нет соединения
    connection timed out
    connection time out
    connection timeout
    connection reset
    connection lost
    connection closed
    connection died
    connection was dropped
    connection dropped
    connection failed
    connection error
    connection problem
    connection aborted
    connection attempt
    lost connection
    could not connect
    couldn t connect
    can t connect
    cannot connect
    cant connect
    failed to connect
    unable to connect
    not connect to
    could not establish
    wasn t able to establish an smtp connection
    unable to establish
    no route
    no route to host
    network is unreachable
    network unreachable
    network error
    network problem
    host is unreachable
    host unreachable
    host is down
    host down
    unreachable
    timed out
    timeout
    time out
    operation timed out
    conversation with
    no answer from host
    not responding
    no response
    did not respond
    doesn t respond
    no reply
    remote host said nothing
    broken pipe
    bad file descriptor
    bad connection
    smtp communication problem
    too many hops
    hop count
    hops
    mail loop
    mail loops
    loop
    loops
    looping
    loops back
    loops back to myself
    routing loop
    routing error
    routing problem
    routing server failure
    route to
    local host
    local configuration error
    mail forwarding loop
    forward loop
    mx list for * points back
    mx points to
    mx record points to local
    mx problem
    remote host is not
    bad gateway
    remote server is not
    remote server closed
    server disconnected
    unexpectedly closed
    tcp error
    tcp connection
    socket error
    winsock
    no adequate servers
    service not available
    service unavailable
    service is not available
    service temporarily
    service currently
    service is unavailable
    host not responding
    recipient was unavailable to take delivery
    temporarily unreachable
    verbindung * fehlgeschlagen
    verbindung * abgelehnt
    connexion refusee
    connexion * echou%
    conexion rechazada
    conexion * tiempo
    conexao recusada
    conexao * tempo
    connessione rifiutata
    connessione * scaduto
    соединени%
    接続できません
    接続がタイムアウト
    連線逾時
    无法连接
    连接超时
    """
)

SYSTEM_FULL = phrases(
    """
    system storage
    system is full
    system full
    mail system full
    disk full
    disk is full
    disk space
    no space left
    file system full
    filesystem full
    file system is full
    out of disk
    insufficient disk space
    insufficient system resources
    insufficient resources
    not enough disk space
    out of resources
    lack of resources
    low on disk
    low disk
    festplatte voll
    disque plein
    磁盘空间
    """
)

MAILER = phrases(
    """
    command time limit exceeded
    command died with status
    command died with status
    command died
    command failed
    command output
    command time limit
    exit status
    exited with
    return code
    unknown mailer error
    mailer error
    mailer failed
    pipe to
    procmail
    maildrop
    unable to chdir to maildir
    local delivery failed
    local delivery error
    local mailer
    local error in delivery
    delivery program
    delivery agent
    child process
    process returned
    core dumped
    segmentation fault
    child status
    temporary failure in local
    permission denied
    can t create output
    cannot create output
    could not create
    cannot open mailbox
    can t open mailbox
    cannot open file
    cannot update mailbox
    can t write
    cannot write
    unable to write
    unable to open
    write error
    i o error
    no such file or directory
    is a directory
    error writing
    error opening
    lock file
    sieve
    """
)

SYSTEM = phrases(
    """
    queue file write error
    system error
    system problem
    system failure
    system not accepting
    system is currently
    system incorrectly configured
    system not capable
    system config error
    local error
    local problem
    local configuration
    local mail system
    internal error
    internal server error
    internal software error
    internal problem
    server error
    server failure
    server configuration
    server is busy
    server busy
    server too busy
    server temporarily
    server unavailable
    server is not accepting
    server is down
    server down
    temporary error
    temporary failure
    temporary problem
    temporary server
    temporary local problem
    temporary system problem
    temporarily unable
    temporary unable
    temporarily unavailable
    temporarily not
    try again later
    try later
    please try again
    please try later
    resources temporarily unavailable
    resources temporarily
    resources unavailable
    configuration error
    configuration problem
    misconfigured
    misconfiguration
    mis configured
    cannot process
    can t process
    unable to process
    could not process
    processing error
    error in processing
    requested action aborted
    requested mail action aborted
    requested action not taken
    transaction failed
    unexpected error
    unexpected failure
    unknown error
    general failure
    software error
    programming error
    database error
    database
    sql
    ldap
    directory service%
    directory server
    lookup failed
    lookup error
    alias loop
    aliasing
    alias expansion
    forwarding loop
    out of memory
    cannot allocate
    maintenance
    shutting down
    overloaded
    load average
    heavy load
    too busy
    congestion
    congested
    backend
    cannot deliver message at this time
    storedrv
    systemfehler
    interner fehler
    konfigurationsfehler
    erreur interne
    erreur systeme
    error interno
    erro interno
    errore interno
    временная ошибка
    внутренняя ошибка
    システムエラー
    系统错误
    系统繁忙
    시스템 오류
    """
)

CONTENT = phrases(
    """
    conversion required
    conversion not supported
    conversion with loss
    conversion failed
    conversion error
    media not supported
    malformed
    mime
    improper use of 8 bit
    8bitmime
    8 bit data
    8 bit
    eight bit
    smtputf8
    utf 8
    bad character
    illegal character
    invalid character
    character set
    charset
    encoding
    corrupt
    corrupted
    empty message
    message body is empty
    no body
    unreadable
    format error
    message format
    invalid message
    bad message
    content of the message
    routing expansion
    """
)

SYNTAX = phrases(
    """
    syntax error
    bad syntax
    syntax
    command unrecognized
    command not recognized
    unrecognized command
    unknown command
    command not implemented
    not implemented
    bad sequence
    out of sequence
    wrong sequence
    invalid command
    bad command
    command rejected
    protocol error
    smtp protocol
    parameters or arguments
    argument required
    invalid parameter
    unsupported parameter
    need rcpt
    need mail command
    no recipients
    does not comply
    unexpected response
    unrecognized parameter
    unsupported option
    pipelining
    improper command
    """
)

# An address that cannot exist, as opposed to trouble with the protocol.
ADDRESS_SYNTAX = phrases(
    """
    not a valid rfc 5321
    not a valid rfc
    not a valid rfc 5321 address
    recipient address syntax
    invalid address syntax
    bad address syntax
    bad destination mailbox address syntax
    malformed recipient
    malformed address
    address syntax error
    syntax error in address
    invalid address
    invalid e mail address
    invalid email address
    illegal address
    illegal recipient syntax
    recipient address rejected malformed
    bad recipient syntax
    """
)
